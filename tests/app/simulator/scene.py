"""A seeded simulator with a client that speaks for the relay."""

from __future__ import annotations

from typing import Any

import httpx

from app.settings import Settings
from app.simulator import seed
from app.simulator.hubspot import oauth
from app.simulator.world import World

CHANNELS = "/conversations/custom-channels/2026-09"
MESSAGES = f"{CHANNELS}/{seed.CHANNEL_ID}/messages"
ACCOUNTS = f"{CHANNELS}/{seed.CHANNEL_ID}/channel-accounts"
OPAQUE = "CHANNEL_SPECIFIC_OPAQUE_ID"
KEY = {"hapikey": seed.DEVELOPER_KEY, "appId": seed.APP_ID}


def settings() -> Settings:
    """Settings that hold nothing of this machine."""
    return Settings(environment="test")


def person(value: str = "u1", name: str = "Dana", kind: str = OPAQUE) -> dict[str, Any]:
    """A participant."""
    return {"name": name, "deliveryIdentifier": {"type": kind, "value": value}}


def message(text: str = "Hello", **changes: Any) -> dict[str, Any]:
    """The body of a complete incoming message; None takes a field away."""
    body = {
        "channelAccountId": seed.LOOPBACK_ACCOUNT_ID,
        "messageDirection": "INCOMING",
        "integrationThreadId": "0b7f3c1e-7c38-4a62-9c0b-5a2f6f0d9a11",
        "text": text,
        "timestamp": "2026-09-14T08:15:30.120Z",
        "senders": [person()],
        "recipients": [person("loopback-demo", "Support")],
        "attachments": [],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


class Scene:
    """The running simulator, its world, and calls with a valid token."""

    def __init__(self, world: World, client: httpx.Client) -> None:
        self.world = world
        self.client = client
        self.token = self.issue()

    def issue(self, portal_id: str = seed.PORTAL_ID) -> str:
        """A valid access token of a portal."""
        with self.world.lock:
            held = next(one for one in self.world.hubspot.refresh_tokens.values() if one.portal_id == portal_id)
            return oauth.issue(self.world, held).value

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """A call with the bearer."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return self.client.request(method, path, headers=headers, **options)

    def publish(self, text: str = "Hello", **changes: Any) -> dict[str, Any]:
        """Publish a message that must be taken."""
        response = self.call("POST", MESSAGES, message(text, **changes))
        assert response.status_code == 201, response.text
        return dict(response.json())

    def sim(self, method: str, path: str, body: Any = None) -> Any:
        """A control that must work; returns its JSON."""
        response = self.client.request(method, f"/_sim{path}", json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def reply(self, thread_id: str, text: str = "Yes", **changes: Any) -> dict[str, Any]:
        """An agent answers."""
        return dict(self.sim("POST", f"/threads/{thread_id}/reply", {"text": text, **changes}))

    def fault(self, kind: str, *, times: int | None = 1, **rule: Any) -> None:
        """Put a fault in force for HubSpot."""
        detail = {name: rule.pop(name) for name in ("status", "seconds", "retry_after", "body") if name in rule}
        self.sim("POST", "/faults", {"api": "hubspot", "times": times, "fault": {"kind": kind, **detail}, **rule})
