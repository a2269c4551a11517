"""Somebody with a browser, as far as these tests need one: cookies, forms, and no scripts."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from werkzeug.test import TestResponse

from app.web import create_app
from tests.app.relay.world import RelayWorld

#: A bot that the simulated Telegram knows, and one that it does not.
BOT = "123456789:" + "A" * 35
STRANGER = "987654321:" + "B" * 35


class Visitor:
    """One browser."""

    def __init__(self, relay: RelayWorld, language: str = "en", **settings: Any) -> None:
        """``settings`` are other ones than the relay's own."""
        self.relay = relay
        services = replace(relay.services, settings=relay.services.settings.model_copy(update=settings))
        self.client = create_app(services.settings, services).test_client()
        self.headers = {"Accept-Language": language}

    def get(self, path: str, query: dict[str, str] | None = None) -> TestResponse:
        return self.client.get(path, query_string=query, headers=self.headers)

    def post(self, form: dict[str, str]) -> TestResponse:
        return self.client.post("/connect", data=form, headers=self.headers)

    def window(self, **changes: str) -> dict[str, str]:
        """The parameters with which HubSpot opens the pop-up; an empty one is left out."""
        url = self.relay.call("POST", "/_sim/connect", {})["url"]
        found = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        return {name: value for name, value in {**found, **changes}.items() if value}

    def form(self, connector: str = "telegram", **changes: str) -> str:
        """Open the pop-up's form. Returns its ticket."""
        return ticket(self.get("/connect", {**self.window(**changes), "connector": connector}))

    def connect(self, token: str = BOT, **more: str) -> TestResponse:
        """Connect a bot from the beginning."""
        return self.post({"ticket": self.form(), "c-token": token, **more})

    def back_at_hubspot(self, answer: TestResponse) -> Any:
        """Follow the pop-up's way back; HubSpot makes the account."""
        assert answer.status_code == 303, title(answer)
        assert answer.location.startswith(self.relay.page)
        made = self.relay.call("GET", answer.location.removeprefix(self.relay.page))
        self.relay.wait_for_webhooks()
        return made


def ticket(answer: TestResponse) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', answer.text)
    assert found is not None, title(answer)
    return html.unescape(found[1])


def title(answer: TestResponse) -> str:
    """The page's heading."""
    found = re.search(r"<h1>(.*?)</h1>", answer.text, re.DOTALL)
    return html.unescape(found[1]) if found else answer.text[:200]
