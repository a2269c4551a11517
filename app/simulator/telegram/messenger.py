"""The simulated Telegram itself: bots, chats, files, and updates on their way to webhooks or getUpdates."""

from __future__ import annotations

import http
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from app.simulator.bubble import Messenger, published
from app.simulator.delivery import Attempt, RetryPolicy, WebhookTarget
from app.simulator.faults import SIGNATURE_KINDS, Api, FaultKind
from app.simulator.resident import Resident
from app.simulator.telegram.sight import bubble_of, chatter_of
from app.simulator.telegram.state import SERVICE, Bot, Chat, Json, StoredFile, Webhook
from app.simulator.world import World

#: First retry at once, then doubling up to about a minute and a half, for the 24 hours that an update lives.
POLICY = RetryPolicy("telegram", (0, 1, 2, 4, 8, 16, 32, 64, *[90] * 960), timeout=30.0, jitter=0.3)

#: Outcomes of an attempt after which the webhook is no longer under way.
SETTLED = frozenset({"done", "failed", "dropped"})


class Telegram:
    """Bots and files. Every method takes the world's lock itself."""

    def __init__(self, world: World) -> None:
        """Start without bots."""
        self.world = world
        self.bots: dict[int, Bot] = {}
        self.files: dict[str, StoredFile] = {}

    def forget(self) -> None:
        """Forget every bot and file."""
        self.bots.clear()
        self.files.clear()

    def with_token(self, token: str) -> Bot | None:
        """The bot of a token, revoked or not."""
        with self.world.lock:
            return next((bot for bot in self.bots.values() if bot.token == token), None)

    def add_bot(self, token: str, *, username: str, name: str, limits: bool) -> Bot:
        """Create a bot, or replace the one with this id; the id is the number in front of the token's colon."""
        bot = Bot(int(token.partition(":")[0]), token, username, name, limits)
        with self.world.lock:
            bot.next_update = int(self.world.ids.number()) % 1_000_000_000
            self.bots[bot.id] = bot
        self.changed(bot)
        return bot

    def store(self, content: bytes, *, name: str, mime: str, folder: str, size: int | None = None) -> StoredFile:
        """Keep a file."""
        with self.world.lock:
            number = self.world.ids.number()
            suffix = name.rpartition(".")[2] or "bin"
            path = f"{folder}/file_{number}.{suffix}"
            length = len(content) if size is None else size
            stored = StoredFile(self.world.ids.hex(), f"AQAD{number}", path, name, mime, content, length)
            self.files[stored.id] = stored
        return stored

    def post(self, bot: Bot, chat: Chat, *, sender: Json, content: Json) -> Json:
        """Put a message into a chat, whoever sent it, and show it on the page."""
        with self.world.lock:
            chat.last_message_id += 1
            message: Json = {
                "message_id": chat.last_message_id,
                "from": sender,
                "chat": chat.as_json(),
                "date": int(self.world.clock.now()),
                **content,
            }
            chat.messages.append(message)
        self.show("customer_message", bot, chat, message)
        return message

    def emit(self, bot: Bot, kind: str, content: Json, *, chat_id: int) -> Json:
        """Send an update of a kind to the bot; returns it, also when the bot does not want this kind."""
        with self.world.lock:
            bot.next_update += 1
            update: Json = {"update_id": bot.next_update, kind: content}
            if (bot.webhook or Webhook("")).allows(kind):
                self._send(bot, update, chat_id)
        return update

    def emit_raw(self, bot: Bot, update: Json, *, chat_id: int) -> Json:
        """Send an update as given, with a fresh update_id where it has none, whatever the bot asked for."""
        with self.world.lock:
            bot.next_update += 1
            numbered = {"update_id": bot.next_update, **update}
            self._send(bot, numbered, chat_id)
        return numbered

    def set_webhook(self, bot: Bot, webhook: Webhook | None, *, drop_pending: bool) -> None:
        """Change where updates go. What is under way follows, unless it is dropped."""
        with self.world.lock:
            if bot.webhook is not None:
                self.world.delivery.cancel(api=Api.TELEGRAM, url=bot.webhook.url)
            waiting = [] if drop_pending else [*bot.pending.values(), *bot.queue]
            bot.webhook, bot.last_error, bot.queue = webhook, None, []
            bot.pending.clear()
            for chat_id, update in waiting:
                self._send(bot, update, chat_id)
        self.changed(bot)

    def messengers(self) -> list[Messenger]:
        """Every bot for the page."""
        with self.world.lock:
            return [
                Messenger(
                    service=SERVICE,
                    account=str(bot.id),
                    name=bot.name,
                    connected=bot.webhook is not None,
                    conversations=tuple(chatter_of(bot, chat) for chat in bot.chats.values()),
                )
                for bot in self.bots.values()
                if not bot.revoked
            ]

    def show(self, kind: str, bot: Bot, chat: Chat, message: Json) -> None:
        """Tell the page about a message."""
        self.world.events.publish(kind, published(chatter_of(bot, chat), bubble_of(chat, message)))

    def changed(self, bot: Bot) -> None:
        """Tell the page that a bot or its chats changed."""
        self.world.events.publish("messenger_changed", {"service": SERVICE, "account": str(bot.id)})

    def _send(self, bot: Bot, update: Json, chat_id: int) -> None:
        webhook = bot.webhook
        if webhook is None:
            bot.queue.append((chat_id, update))
            return
        bot.pending[update["update_id"]] = (chat_id, update)
        self.world.delivery.post(
            WebhookTarget(webhook.url, Api.TELEGRAM, f"telegram:{bot.id}:{chat_id}", POLICY),
            json.dumps(update, ensure_ascii=False).encode(),
            lambda _attempt: self._headers(webhook),
            label=f"telegram {next((key for key in update if key != 'update_id'), 'update')}",
            on_attempt=lambda attempt: self._tried(bot, update["update_id"], attempt),
        )

    def _headers(self, webhook: Webhook) -> Mapping[str, str]:
        path = urlsplit(webhook.url).path
        struck = {one.kind for one in self.world.faults.draw(Api.TELEGRAM, "POST", path, kinds=SIGNATURE_KINDS)}
        if not webhook.secret or FaultKind.NO_SIGNATURE in struck:
            return {}
        secret = f"not-{webhook.secret}" if FaultKind.WRONG_SECRET in struck else webhook.secret
        return {"X-Telegram-Bot-Api-Secret-Token": secret}

    def _tried(self, bot: Bot, update_id: int, attempt: Attempt) -> None:
        with self.world.lock:
            if attempt.outcome in SETTLED:
                bot.pending.pop(update_id, None)
            if attempt.outcome in {"retry", "failed"}:
                bot.last_error = (int(attempt.at), _problem(attempt))
            elif attempt.outcome == "done":
                bot.callbacks.discard(_answered(attempt.answer))


def _answered(answer: bytes) -> str:
    """The pressed button whose waiting ends: of the calls that an answer may carry, the one that is played here."""
    try:
        body = json.loads(answer)
    except ValueError:
        return ""
    is_one = isinstance(body, dict) and str(body.get("method", "")).lower() == "answercallbackquery"
    return str(body.get("callback_query_id", "")) if is_one else ""


def _problem(attempt: Attempt) -> str:
    if attempt.status is None:
        return "Connection timed out" if attempt.error == "TimeoutError" else "Connection refused"
    return f"Wrong response from the webhook: {attempt.status} {_phrase(attempt.status)}"


def _phrase(status: int) -> str:
    known: dict[int, Any] = {one.value: one.phrase for one in http.HTTPStatus}
    return str(known.get(status, "Unknown"))


#: The one Telegram of a world.
telegram_of = Resident(Telegram)
