"""A simulator with two connected accounts for tests of those who write; there is no relay behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from app.bench import scene
from app.bench.load import Load, conversations
from app.bench.scene import Connected
from app.http import Http
from app.settings import Settings
from app.simulator.server import SimulatorServer

LOOPBACK = Connected(1, "loopback", "shop", 4_700_001, "2001", "key-1", "token-1", "secret-1")
TELEGRAM = Connected(2, "telegram", "shop_bot", 4_700_001, "2002", "key-2", "700001:AAF-simulated", "secret-2")


@contextmanager
def running_page() -> Iterator[str]:
    """A simulator with the accounts; its HubSpot hears nothing of the customers, for want of a relay."""
    with SimulatorServer(Settings(environment="test")) as running, closing(Http(call_timeout=5.0)) as http:
        scene.ask(http, "POST", f"{running.url}/_sim/seed", {"relayUrl": "http://127.0.0.1:9"})
        scene.ask(http, "POST", f"{running.url}/_sim/loopback/accounts", {"id": "shop", "token": LOOPBACK.token})
        bot = {"token": TELEGRAM.token, "username": TELEGRAM.name}
        scene.ask(http, "POST", f"{running.url}/_sim/telegram/bots", bot)
        yield running.url


def loaded(page: str) -> Load:
    """Return a load whose Telegram chats are there."""
    load = Load(page, [*conversations("hot", LOOPBACK, 2), *conversations("tele", TELEGRAM, 1)])
    with closing(Http(call_timeout=5.0)) as http:
        order = {**load.conversations[2].where(), "user": {"id": 10_000, "first_name": "tele-1"}}
        scene.ask(http, "POST", f"{page}/_sim/telegram/chats", order)
    return load


def opened_thread(page: str, name: str, text: str = "hello") -> str:
    """Open a thread in HubSpot, as a relay does by publishing."""
    with closing(Http(call_timeout=5.0)) as http:
        token = scene.ask(http, "POST", f"{page}/_sim/tokens", {})["accessToken"]
        person = {"name": name, "deliveryIdentifier": {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": name}}
        message = {
            "channelAccountId": "2001",
            "messageDirection": "INCOMING",
            "integrationThreadId": f"thread-of-{name}",
            "text": text,
            "senders": [person],
        }
        url = f"{page}/conversations/custom-channels/2026-09/1001/messages"
        answer = http.request("POST", url, headers={"Authorization": f"Bearer {token}"}, json=message)
        return str(answer.json()["conversationsThreadId"])
