"""What the loopback messenger does: customers write, the relay writes, receipts and webhooks follow."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from app.simulator.bubble import BubbleStatus, Messenger, published
from app.simulator.delivery import Attempt, RetryPolicy, WebhookTarget
from app.simulator.faults import SIGNATURE_KINDS, Api, FaultKind
from app.simulator.loopback.state import SERVICE, Account, Conversation, Media, Message
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

    def say(
        self,
        account: Account,
        conversation: Conversation,
        *,
        text: str,
        reply_to: str | None = None,
        media: tuple[Media, ...] = (),
    ) -> Message:
        """A customer writes; the relay hears of it by webhook."""
        with self._world.lock:
            message = self._write(conversation, text, mine=True, reply_to=reply_to, media=media)
            self.media.update({one.id: one for one in media})
            self._notify(account, conversation.id, self._message_event(conversation, message))
        self._show("customer_message", conversation, message)
        return message

    def answer(self, account: Account, conversation: Conversation, *, text: str, colleague: str) -> Message:
        """A colleague answers in the messenger's own app; the relay hears of it by webhook."""
        with self._world.lock:
            message = self._write(conversation, text, mine=False, reply_to=None, sender=colleague)
            sender = {"id": f"colleague-{colleague}", "name": colleague}
            self._notify(account, conversation.id, self._own_event(conversation, message, sender))
        self._show("customer_message", conversation, message)
        return message

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

    def deliver(
        self,
        account: Account,
        conversation: Conversation,
        *,
        text: str,
        reply_to: str | None,
        key: str,
        media: tuple[Media, ...] = (),
    ) -> Message:
        """The relay writes to a customer, for the first time with this idempotency key."""
        with self._world.lock:
            message = self._write(conversation, text, mine=False, reply_to=reply_to, sender=account.name, media=media)
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
            self._notify(account, message.conversation, self._receipt_event(message))
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
                    pictures=True,
                    conversations=tuple(one.chatter() for one in account.conversations.values()),
                )
                for account in self.accounts.values()
            ]

    def _write(
        self,
        conversation: Conversation,
        text: str,
        *,
        mine: bool,
        reply_to: str | None,
        sender: str = "",
        media: tuple[Media, ...] = (),
    ) -> Message:
        message = Message(
            id=f"m{self._world.ids.number()}",
            conversation=conversation.id,
            mine=mine,
            sender=sender or conversation.customer,
            text=text,
            time=self._world.clock.now(),
            reply_to=reply_to,
            media=media,
        )
        conversation.messages.append(message)
        return message

    def _message_event(self, conversation: Conversation, message: Message) -> dict[str, Any]:
        attachments = [
            {
                "kind": media.kind,
                "url": f"{self._world.base_url}/loopback/v1/media/{media.id}",
                "name": media.name,
                "mime": media.mime,
                "size": len(media.content),
            }
            for media in message.media
        ]
        return {
            "type": "message",
            "id": message.id,
            "conversation": conversation.id,
            "time": self._world.clock.iso(message.time),
            "sender": _sender(conversation),
            "text": message.text,
            "reply_to": message.reply_to,
            "attachments": attachments,
        }

    def _own_event(self, conversation: Conversation, message: Message, sender: Mapping[str, str]) -> dict[str, Any]:
        event = self._message_event(conversation, message)
        return {**event, "own": True, "sender": sender, "recipient": event["sender"]}

    def _echo(self, account: Account, message: Message, then: Callable[[Attempt], None] | None = None) -> None:
        with self._world.lock:
            conversation = account.conversations[message.conversation]
            event = self._own_event(conversation, message, {"id": account.id, "name": account.name})
            self._notify(account, conversation.id, event, then)

    def _receipt_event(self, message: Message) -> dict[str, Any]:
        return {
            "type": "receipt",
            "message": message.id,
            "conversation": message.conversation,
            "status": message.status.value,
            "time": self._world.clock.iso(),
            "reason": message.reason,
        }

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


def _sender(conversation: Conversation) -> dict[str, Any]:
    address = conversation.address
    sender = {"id": f"u-{conversation.id}", "name": conversation.customer}
    if address is not None:
        sender |= {"id": address.value, "type": address.type}
    return sender | ({"vouched": [asdict(one) for one in conversation.vouched]} if conversation.vouched else {})


#: The one loopback messenger of a world.
loopback_of = Resident(Loopback)
