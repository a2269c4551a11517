"""Somebody at HubSpot's settings, in a real browser, and what every page of ours has to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from app.console.languages import Language, languages
from app.simulator.server import SimulatorServer
from tests.app.relay.world import RelayWorld, relay_world

TOKEN = "123456789:" + "A" * 35
STRANGER = "987654321:" + "B" * 35
#: Milliseconds within which something has to be seen, on a busy machine as well.
PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)

POPUP: ViewportSize = {"width": 600, "height": 600}
LOCALES = {"en": "en-GB", "pt": "pt-BR"}


@dataclass
class Admin:
    """Somebody at HubSpot's settings, in one language."""

    context: BrowserContext
    language: Language
    hubspot: str

    def says(self, key: str, **values: object) -> str:
        return self.language.say(key, **values)

    def opens(self, url: str) -> Page:
        page = self.context.new_page()
        page.goto(url)
        return page

    def presses_connect(self, settings: Page | None = None, into: str = "Inbox") -> Page:
        """Open the pop-up from HubSpot's settings page; without one, from a page that is closed again."""
        page = settings or self.opens(f"{self.hubspot}/settings")
        page.get_by_label("Into").select_option(label=into)
        with self.context.expect_page() as opened:
            page.get_by_role("button", name="Connect", exact=True).click()
        opened.value.wait_for_url("**/connect?*")
        if settings is None:
            page.close()
        return opened.value

    def connects(self, token: str, settings: Page, into: str = "Inbox") -> None:
        """Connect a Telegram bot, without a look at each page on the way."""
        window = self.presses_connect(settings, into)
        window.get_by_role("link", name="Telegram").click()
        self.enters(window, token)
        window.wait_for_url("**/settings/connected/*")
        window.close()

    def chooses(self, window: Page, service: str = "Telegram") -> Page:
        is_good(window)
        window.get_by_role("link", name=service).click()
        expect(window.get_by_role("heading", level=1)).to_have_text(self.says("form.title", service=service))
        return window

    def enters(self, window: Page, token: str) -> None:
        window.locator("#c-token").fill(token)
        window.get_by_role("button", name=self.says("form.button")).click()

    def sees(self, window: Page, trouble: str) -> None:
        """The heading is this trouble's, and the page is fit for everybody."""
        expect(window.get_by_role("heading", name=self.says(f"trouble.{trouble}.title"))).to_be_visible()
        is_good(window)


def is_good(page: Page) -> None:
    """No violation that axe-core finds, and nothing beyond the window's width."""
    found = Axe().run(page).response["violations"]
    if found:
        raise AssertionError([(page.url, one["id"], [node["html"] for node in one["nodes"]]) for one in found])
    fits(page)


def fits(page: Page) -> None:
    """Nothing is beyond the window's width."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@contextmanager
def admin(browser: Browser, language: str, hubspot: str, **more: Any) -> Iterator[Admin]:
    # What moves in is half transparent at first, which axe-core would call too little contrast.
    context = browser.new_context(viewport=POPUP, locale=LOCALES[language], reduced_motion="reduce", **more)
    context.set_default_timeout(PATIENCE)
    yield Admin(context, languages()[language], hubspot)
    context.close()


@pytest.fixture
def relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str, relay_simulator: SimulatorServer
) -> Iterator[RelayWorld]:
    address = relay_simulator.url
    with relay_world(
        tmp_path, monkeypatch, migrated_sqlite_url, shared=relay_simulator, migrated=True, hubspot_app_url=address
    ) as world:
        world.call("POST", "/_sim/telegram/bots", {"token": TOKEN, "username": "shop_bot", "name": "Shop"})
        yield world
