"""A Telegram bot beside the loopback account of a relay world, and a customer who uses Telegram."""

from __future__ import annotations

from typing import Any

from app.connectors.telegram import TelegramConnector
from app.connectors.telegram.credentials import TelegramCredentials
from app.domain.person import Identifier
from app.relay import options
from app.relay.services import seal_credentials
from app.simulator import seed
from app.storage import accounts
from app.storage.accounts import AccountRow, NewAccount
from tests.app.relay.world import RelayWorld

TOKEN = "700100:AAE-token-of-the-tests_0123456789abcd"
CUSTOMER = 4242
BUSINESS = "business-1"


class Bot:
    """A connected bot with one private chat."""

    def __init__(self, relay: RelayWorld) -> None:
        self.relay = relay
        relay.call("POST", "/_sim/telegram/bots", {"token": TOKEN})
        self.account = _connect(relay)
        self.open_chat()

    def open_chat(self, chat: int = CUSTOMER, **more: Any) -> None:
        user = {"id": CUSTOMER, "first_name": "Dana", "last_name": "Roe"}
        self.relay.call("POST", "/_sim/telegram/chats", {"bot": TOKEN, "chat_id": chat, "user": user, **more})

    def switch(self, **changes: bool) -> None:
        options.switch(self.relay.services, self.account.id, changes)

    def say(self, text: str, chat: int = CUSTOMER, **more: Any) -> int:
        body = {"bot": TOKEN, "chat_id": chat, "text": text, **more}
        return int(self.relay.call("POST", "/_sim/telegram/say", body)["message_id"])

    def send(self, kind: str, **more: Any) -> Any:
        body = {"bot": TOKEN, "chat_id": CUSTOMER, "kind": kind, **more}
        return self.relay.call("POST", "/_sim/telegram/send-kind", body)

    def message(self, number: int, **fields: Any) -> None:
        """Send a message with exactly these fields."""
        self.send("raw", update={"message": self.frame(number) | fields})

    def react(self, number: int, new: str = "", old: str = "") -> None:
        kinds = {"new_reaction": new, "old_reaction": old}
        reactions = {name: [{"type": "emoji", "emoji": one}] if one else [] for name, one in kinds.items()}
        self.send("raw", update={"message_reaction": {**self.frame(number), **reactions, "user": self._user}})

    def delete(self, *numbers: int) -> None:
        deleted = {"business_connection_id": BUSINESS, "chat": self._chat, "message_ids": numbers}
        self.send("raw", update={"deleted_business_messages": deleted})

    def say_in_business(self, number: int, text: str) -> None:
        business = {"business_connection_id": BUSINESS, "text": text}
        self.send("raw", update={"business_message": self.frame(number) | business})

    def sees(self, chat: int = CUSTOMER) -> list[Any]:
        """What the customer's app shows, as Telegram's own messages."""
        return list(self.relay.call("GET", f"/_sim/telegram/chats/{TOKEN}/{chat}/messages?raw"))

    def bubbles(self) -> list[Any]:
        """What the customer's app shows, as the page draws it."""
        return list(self.relay.call("GET", f"/_sim/telegram/chats/{TOKEN}/{CUSTOMER}/messages"))

    def settle(self) -> None:
        self.relay.wait_for_webhooks()
        self.relay.settle()

    def inbox(self) -> list[Any]:
        """What agents see of the bot's conversations, in the order of arrival."""
        ours = [one for one in self.relay.inbox() if one["channelAccountId"] == self.account.hubspot_id]
        return sorted(ours, key=lambda one: one["receivedAt"])

    def texts(self) -> list[str]:
        return [one["text"] for one in self.inbox() if one["direction"] == "INCOMING"]

    def thread(self) -> str:
        """HubSpot's id of the one thread."""
        return str(self.inbox()[0]["conversationsThreadId"])

    @property
    def _user(self) -> dict[str, Any]:
        return {"id": CUSTOMER, "is_bot": False, "first_name": "Dana", "last_name": "Roe"}

    @property
    def _chat(self) -> dict[str, Any]:
        return {"id": CUSTOMER, "type": "private", "first_name": "Dana", "last_name": "Roe"}

    def frame(self, number: int) -> dict[str, Any]:
        return {"message_id": number, "date": 1_789_000_000 + number, "chat": self._chat, "from": self._user}


def _connect(relay: RelayWorld) -> AccountRow:
    services, connector = relay.services, TelegramConnector()
    credentials = TelegramCredentials.model_validate({"token": TOKEN})
    new = NewAccount(
        connector="telegram",
        portal_id=int(seed.PORTAL_ID),
        channel_id=seed.CHANNEL_ID,
        hubspot_id=seed.TELEGRAM_ACCOUNT_ID,
        name="Telegram",
        identifier=Identifier(value="telegram-demo"),
        credentials=seal_credentials(services.vault, credentials),
    )
    with services.database.write() as connection:
        row = accounts.add(connection, new)
    url = f"{services.settings.public_url}/webhooks/telegram/{row.key}"
    connector.register_webhook(services.opened(row), url, services.http)
    return row
