"""A Telegram account of the relay under test, and its customer at the simulated Telegram."""

from __future__ import annotations

import base64
import json
from typing import Any

from app.connectors.registry import get
from app.domain.message import AttachmentKind
from app.domain.person import Identifier
from app.relay.services import seal_credentials
from app.simulator import seed
from app.storage import accounts
from app.storage.accounts import AccountRow, NewAccount
from tests.app.connectors.telegram_samples import CREDENTIALS, SECRET, TOKEN
from tests.app.relay.world import RelayWorld

DANA = 5551  # the customer and, as in every private chat, the chat
BOT = CREDENTIALS.bot_id
KINDS = {
    AttachmentKind.IMAGE: "photo",
    AttachmentKind.VIDEO: "video",
    AttachmentKind.AUDIO: "audio",
    AttachmentKind.VOICE: "voice",
    AttachmentKind.STICKER: "sticker",
    AttachmentKind.FILE: "document",
}


class TelegramSide:
    """The bot's only chat. Its updates wait until a test delivers them, or ``listen`` was called."""

    def __init__(self, relay: RelayWorld) -> None:
        self.relay = relay
        self.account = _connect(relay)
        relay.call("POST", "/_sim/telegram/bots", {"token": TOKEN, "username": "shop_bot", "name": "Shop"})
        relay.call(
            "POST", "/_sim/telegram/chats", {"bot": BOT, "chat_id": DANA, "user": {"id": DANA, "first_name": "Dana"}}
        )

    def listen(self) -> None:
        """Have updates delivered from now on, as a bot that is connected does."""
        services = self.relay.services
        url = f"{services.settings.public_url}/webhooks/telegram/{self.account.key}"
        get("telegram").register_webhook(services.opened(self.account), url, services.http)  # type: ignore[attr-defined]

    def say(self, text: str, **more: Any) -> str:
        """Write a text. Returns its id."""
        said = self.relay.call("POST", "/_sim/telegram/say", {"bot": BOT, "chat_id": DANA, "text": text, **more})
        return str(said["message_id"])

    def send(self, kind: str, content: bytes = b"", **more: Any) -> str:
        """Send anything else. Returns its id."""
        body = {"bot": BOT, "chat_id": DANA, "kind": kind, "base64": base64.b64encode(content).decode(), **more}
        return str(self.relay.call("POST", "/_sim/telegram/send-kind", body).get("message_id", ""))

    def updates(self) -> list[dict[str, Any]]:
        """What waits to be delivered, oldest first."""
        path = f"/telegram/bot{TOKEN}/getUpdates"
        return list(self.relay.call("POST", path, {})["result"])

    def deliver(self, *updates: dict[str, Any]) -> None:
        """Deliver updates, one request each."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
        for one in updates:
            path = f"/webhooks/telegram/{self.account.key}"
            assert self.relay.ask("POST", path, json.dumps(one).encode(), headers)[0] == 200

    def messages(self) -> list[Any]:
        """Everything in the chat, as Telegram has it."""
        return list(self.relay.call("GET", f"/_sim/telegram/chats/{BOT}/{DANA}/messages?raw"))

    def file(self, message: Any, field: str) -> bytes:
        """The bytes of a message's file."""
        found = message[field][-1] if field == "photo" else message[field]
        return self.relay.http.request("GET", f"{self.relay.page}/_sim/telegram/files/{found['file_id']}").body


def _connect(relay: RelayWorld) -> AccountRow:
    services = relay.services
    new = NewAccount(
        connector="telegram",
        portal_id=relay.account.portal_id,
        channel_id=relay.account.channel_id,
        hubspot_id=seed.TELEGRAM_ACCOUNT_ID,
        name="Shop's bot",
        identifier=Identifier(value=str(BOT)),
        credentials=seal_credentials(services.vault, CREDENTIALS),
    )
    with services.database.write() as connection:
        return accounts.add(connection, new)
