"""What the loopback messenger does: customers write, the relay writes, receipts and webhooks follow."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from app.simulator.bubble import BubbleStatus, Messenger, published
from app.simulator.delivery import Attempt, RetryPolicy, WebhookTarget
from app.simulator.faults import SIGNATURE_KINDS, Api, FaultKind
from app.simulator.loopback import told
from app.simulator.loopback.state import SERVICE, Account, Content, Conversation, Media, Message
from app.simulator.resident import Resident
from app.simulator.world import World

#: A message counts as delivered so many seconds after it was accepted.
DELIVERED_AFTER = 0.2
#: What the relay sent is told of so many seconds after the answer, where it is told of after that.
ECHOED_AFTER = 0.02

#: Webhooks are repeated for about half an hour.
POLICY = RetryPolicy("loopback", (1, 2, 5, 10, 30, 60, 120, 300, 600, 600), timeout=10.0)

_RANKS = {BubbleStatus.SENT: 0, BubbleStatus.DELIVERED: 1, BubbleStatus.READ: 2, BubbleStatus.FAILED: 3}


class Loopback:
    """The messenger's accounts and what happens to them. Takes the world's lock itself."""

    def __init__(self, world: World) -> None:
        """Start without accounts."""
        self._world = world
        self._later: queue.SimpleQueue[tuple[float, Account, Callable[[], object]]] = queue.SimpleQueue()
        self._postman: threading.Thread | None = None
        self.accounts: dict[str, Account] = {}
        self.media: dict[str, Media] = {}

    def with_token(self, token: str) -> Account | None:
        """The account that the bearer token opens."""
        with self._world.lock:
            matching = (one for one in self.accounts.values() if hmac.compare_digest(one.token, token))
            return next(matching, None)

    def add_account(self, account: Account) -> None:
        """Open an account, or replace the one with this id."""
        with self._world.lock:
            self.accounts[account.id] = account
        self._world.events.publish("messenger_changed", {"service": SERVICE, "account": account.id})

    def converse(self, account: Account, conversation_id: str, *, name: str = "") -> Conversation:
        """Find or open a conversation; a `name` renames its customer."""
        with self._world.lock:
            found = account.conversations.get(conversation_id)
            if found is None:
                found = Conversation(conversation_id, account.id, name or conversation_id)
                account.conversations[conversation_id] = found
            found.customer = name or found.customer
            return found

    def say(self, account: Account, conversation: Conversation, content: Content) -> Message:
        """A customer writes; the relay hears of it by webhook."""
        with self._world.lock:
            message = self._write(conversation, content, mine=True)
            self.media.update({one.id: one for one in content.media})
            self._notify(account, conversation.id, told.message(self._world, conversation, message))
        self._show("customer_message", conversation, message)
        return message

    def answer(self, account: Account, conversation: Conversation, *, text: str, colleague: str) -> Message:
        """A colleague answers in the messenger's own app; the relay hears of it by webhook."""
        with self._world.lock:
            message = self._write(conversation, Content(text), mine=False, sender=colleague)
            sender = {"id": f"colleague-{colleague}", "name": colleague}
            self._notify(account, conversation.id, told.own(self._world, conversation, message, sender))
        self._show("customer_message", conversation, message)
        return message

    def edit(self, account: Account, conversation: Conversation, message: Message, text: str) -> None:
        """A customer changes the text of their message."""
        with self._world.lock:
            message.content = replace(message.content, text=text)
            message.edited = True
            self._tell_about(account, conversation, message, {"type": "edit", "text": text})

    def delete(self, account: Account, conversation: Conversation, message: Message) -> None:
        """A customer takes their message away."""
        with self._world.lock:
            message.content, message.deleted, message.reaction = Content(), True, ""
            self._tell_about(account, conversation, message, {"type": "deletion"})

    def react(self, account: Account, conversation: Conversation, message: Message, emoji: str) -> None:
        """A customer reacts to a message, in place of an earlier reaction; an empty `emoji` takes it back."""
        with self._world.lock:
            shown = emoji or message.reaction
            if not shown:
                return
            message.reaction = emoji
            event = {"type": "reaction", "emoji": shown, "withdrawn": not emoji}
            self._tell_about(account, conversation, message, event)

    def press(self, account: Account, conversation: Conversation, message: Message, number: int) -> Message:
        """A customer presses the button of this number, from 1, under a message."""
        label = message.content.choices[number - 1].label
        return self.say(account, conversation, Content(label, reply_to=message.id, choice=number))

    def echo(self, account: Account, message: Message) -> None:
        """Tell the relay of its own message, as the switch says; call without the lock, before the answer."""
        when = self._world.switches.loopback_echo
        if when == "after":
            self._do_later(ECHOED_AFTER, account, lambda: self._echo(account, message))
        elif when == "before":
            arrived = threading.Event()
            self._echo(account, message, lambda _attempt: arrived.set())
            arrived.wait(POLICY.timeout)

    def keep(self, account: Account, kind: str, name: str, *, mime: str, content: bytes) -> Media:
        """Keep the bytes of an attachment."""
        with self._world.lock:
            media = Media(self._world.ids.hex(), account.id, name, mime, content, given_kind=kind)
            self.media[media.id] = media
        return media

    def deliver(self, account: Account, conversation: Conversation, content: Content, *, key: str) -> Message:
        """The relay writes to a customer, for the first time with this idempotency key."""
        with self._world.lock:
            message = self._write(conversation, content, mine=False, sender=account.name)
            account.accepted[key] = message
        self._show("customer_message", conversation, message)
        if account.auto_receipts:
            self._do_later(DELIVERED_AFTER, account, lambda: self.receipt(account, message, BubbleStatus.DELIVERED))
        return message

    def receipt(self, account: Account, message: Message, status: BubbleStatus, *, reason: str | None = None) -> bool:
        """Report what became of the relay's message; False and silence when it is already further."""
        with self._world.lock:
            if _RANKS[status] <= _RANKS[message.status]:
                return False
            message.status, message.reason = status, reason
            self._notify(account, message.conversation, told.receipt(self._world, message))
        self._show("customer_status", account.conversations[message.conversation], message)
        return True

    def read(self, account: Account, conversation: Conversation) -> int:
        """The customer looks at the conversation: say how many messages became read."""
        with self._world.lock:
            unread = [one for one in conversation.messages if not one.mine]
            return sum(self.receipt(account, one, BubbleStatus.READ) for one in unread)

    def block(self, conversation: Conversation, *, blocked: bool) -> None:
        """The customer blocks the account, or takes it back."""
        with self._world.lock:
            conversation.blocked = blocked
        self._world.events.publish("messenger_changed", {"service": SERVICE, "account": conversation.account})

    def register(self, account: Account, url: str, secret: str) -> None:
        """Set where webhooks go; what waited for an address goes there now."""
        with self._world.lock:
            account.webhook_url, account.secret = url, secret
            waiting, account.backlog = account.backlog, []
            for conversation_id, event in waiting:
                self._notify(account, conversation_id, event)
        self._world.events.publish("messenger_changed", {"service": SERVICE, "account": account.id})

    def messengers(self) -> list[Messenger]:
        """Every account for the page."""
        with self._world.lock:
            return [
                Messenger(
                    service=SERVICE,
                    account=account.id,
                    name=account.name,
                    connected=bool(account.webhook_url),
                    conversations=tuple(one.chatter() for one in account.conversations.values()),
                )
                for account in self.accounts.values()
            ]

    def _write(self, conversation: Conversation, content: Content, *, mine: bool, sender: str = "") -> Message:
        message = Message(
            id=f"m{self._world.ids.number()}",
            conversation=conversation.id,
            mine=mine,
            sender=sender or conversation.customer,
            time=self._world.clock.now(),
            content=content,
        )
        conversation.messages.append(message)
        return message

    def _tell_about(
        self, account: Account, conversation: Conversation, message: Message, what: Mapping[str, object]
    ) -> None:
        self._notify(account, conversation.id, told.about(self._world, conversation, message, what))
        self._show("customer_status", conversation, message)

    def _echo(self, account: Account, message: Message, then: Callable[[Attempt], None] | None = None) -> None:
        with self._world.lock:
            conversation = account.conversations[message.conversation]
            event = told.own(self._world, conversation, message, {"id": account.id, "name": account.name})
            self._notify(account, conversation.id, event, then)

    def _notify(
        self,
        account: Account,
        conversation_id: str,
        event: dict[str, Any],
        then: Callable[[Attempt], None] | None = None,
    ) -> None:
        if not account.webhook_url:
            account.backlog.append((conversation_id, event))
            return
        url, secret = account.webhook_url, account.secret
        body = json.dumps({"id": self._world.ids.uuid(), "events": [event]}, ensure_ascii=False).encode()
        self._world.delivery.post(
            WebhookTarget(url, Api.LOOPBACK, f"loopback:{account.id}:{conversation_id}", POLICY),
            body,
            lambda _attempt: self._sign(url, secret, body),
            label=f"loopback {event['type']}",
            on_attempt=then,
        )

    def _sign(self, url: str, secret: str, body: bytes) -> Mapping[str, str]:
        path = urlsplit(url).path
        struck = {one.kind for one in self._world.faults.draw(Api.LOOPBACK, "POST", path, kinds=SIGNATURE_KINDS)}
        if FaultKind.NO_SIGNATURE in struck:
            return {}
        key = f"not-{secret}" if FaultKind.WRONG_SECRET in struck else secret
        return {"X-Loopback-Signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}

    def _do_later(self, seconds: float, account: Account, action: Callable[[], object]) -> None:
        with self._world.lock:
            if self._postman is None:
                self._postman = threading.Thread(target=self._carry, name="loopback-receipts", daemon=True)
                self._postman.start()
        self._later.put((time.monotonic() + seconds, account, action))

    def _carry(self) -> None:
        while True:
            due, account, action = self._later.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if self.accounts.get(account.id) is account:
                action()

    def _show(self, kind: str, conversation: Conversation, message: Message) -> None:
        self._world.events.publish(kind, published(conversation.chatter(), message.bubble()))

    def forget(self) -> None:
        """Close every account."""
        self.accounts.clear()
        self.media.clear()


#: The one loopback messenger of a world.
loopback_of = Resident(Loopback)
