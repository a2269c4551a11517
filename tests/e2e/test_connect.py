"""What an administrator does in a real browser: install, connect, and meet every error page, in both languages."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from app.bench.servers.process import free_port
from app.console.languages import languages
from app.console.pages import Trouble, trouble
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.storage import accounts, portals
from app.web import create_app
from tests.app.relay.conftest import relay_simulator
from tests.app.relay.world import RelayWorld
from tests.e2e.admin import LOCALES, STRANGER, TOKEN, Admin, admin, fits, is_good, relay
from tests.e2e.processes import eventually, running_demo
from tests.servers.presence import Server, require
from tests.servers.synapse import SERVER_NAME, ConnectedSynapse

__all__ = ["relay", "relay_simulator"]

#: Each test sees a dozen pages, each looked through by axe-core.
pytestmark = pytest.mark.timeout(180)


def test_from_the_settings_page_to_messages_both_ways(monkeypatch: pytest.MonkeyPatch, browser: Browser) -> None:
    with running_demo(monkeypatch) as people, admin(browser, "en", people.page) as sam:
        people.call("POST", "/_sim/telegram/bots", {"token": TOKEN, "username": "shop_bot", "name": "Shop"})
        window = sam.chooses(sam.presses_connect())
        sam.enters(window, TOKEN)
        window.wait_for_url("**/settings/connected/*")
        eventually(lambda: _runs(people.demo.services), what="HubSpot's confirmation")
        person = {"id": 99, "first_name": "Ada"}
        people.call("POST", "/_sim/telegram/chats", {"bot": TOKEN, "chat_id": 99, "type": "private", "user": person})
        people.call("POST", "/_sim/telegram/say", {"bot": TOKEN, "chat_id": 99, "text": "Are you new here?"})
        thread = eventually(lambda: people.threads().get("Ada"), what="the customer's thread")
        people.reply(thread, "Since a minute ago.")
        seen = f"/_sim/telegram/chats/{TOKEN}/99/messages"
        eventually(
            lambda: "Since a minute ago." in [one["text"] for one in people.call("GET", seen)], what="the answer"
        )


@pytest.mark.synapse
def test_matrix_from_its_registration_file_to_messages_both_ways(
    monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    require(Server.SYNAPSE)
    server = ConnectedSynapse(port=free_port())
    with running_demo(monkeypatch) as people, admin(browser, "pt", people.page) as sam:
        window = sam.chooses(sam.presses_connect(), "Matrix")
        window.locator("#c-homeserver_url").fill(server.url)
        window.locator("#c-server_name").fill(SERVER_NAME)
        window.get_by_role("button", name=sam.says("form.button")).click()
        server.registration = window.locator("#file").input_value()
        with server:
            window.get_by_role("button", name=sam.says("registration.button")).click()
            window.wait_for_url("**/settings/connected/*", timeout=20_000)
            alice = server.register("alice")
            room = alice.create_room(f"@relaybot:{SERVER_NAME}")
            alice.write(room, "Is my order on its way?")
            thread = eventually(lambda: next(iter(people.threads().values()), None), what="the room's first message")
            people.reply(thread, "Yes, it left this morning.")
            alice.wait_for_text(room, "Yes, it left this morning.", seconds=20)


def _runs(services: Any) -> bool:
    with services.database.read() as connection:
        return any(row.name.startswith("Shop") and row.hubspot_id.isdecimal() for row in accounts.every(connection))


@pytest.mark.parametrize("language", ["en", pytest.param("pt", marks=pytest.mark.long)])
def test_installing_and_what_can_go_wrong(relay: RelayWorld, browser: Browser, language: str) -> None:
    public = relay.services.settings.public_url
    with admin(browser, language, relay.page) as sam:
        page = sam.opens(f"{public}/oauth/install")
        is_good(page)
        page.get_by_role("link", name=sam.says("install.button")).click()
        is_good(page)
        page.get_by_role("link", name="Connect account").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(sam.says("installed.title"))
        is_good(page)
        page.reload()
        sam.sees(page, "state_used")
        page.get_by_role("link", name=sam.says("trouble.install_again")).click()
        page.get_by_role("link", name=sam.says("install.button")).click()
        page.get_by_role("link", name="Cancel").click()
        sam.sees(page, "cancelled")
        page.goto(f"{public}/oauth/callback?code=x&state=made-up")
        sam.sees(page, "state_foreign")


@pytest.mark.parametrize("language", ["en", pytest.param("pt", marks=pytest.mark.long)])
def test_every_error_page_of_the_window(relay: RelayWorld, browser: Browser, language: str) -> None:
    """In the order in which somebody unlucky would meet them."""
    with admin(browser, language, relay.page, color_scheme="dark" if language == "pt" else "light") as sam:
        window = sam.chooses(sam.presses_connect())
        is_good(window)
        sam.enters(window, "")
        _is_told_at_the_field(sam, window)
        sam.enters(window, STRANGER)
        sam.sees(window, "credentials_refused")
        for api, path, trouble in (
            (Api.TELEGRAM, "getMe", "service_away"),
            (Api.HUBSPOT, "staging-tokens", "hubspot_away"),
            (Api.TELEGRAM, "setWebhook", "not_registered"),
        ):
            relay.fault(api, FaultKind.STATUS, path=path, status=503)
            _sends(sam, window, TOKEN)
            sam.sees(window, trouble)
        _sends(sam, window, TOKEN)
        window.wait_for_url("**/settings/connected/*")
        relay.wait_for_webhooks()
        again = sam.chooses(sam.presses_connect())
        sam.enters(again, TOKEN)
        sam.sees(again, "connected_here")
        _wrong_addresses(relay, sam)


def _sends(sam: Admin, window: Page, token: str) -> None:
    """Press what the page offers: the form's button with the credentials, or the one to try again."""
    if window.locator("#c-token").count():
        sam.enters(window, token)
    else:
        window.get_by_role("button", name=sam.says("trouble.again")).click()


def _is_told_at_the_field(sam: Admin, window: Page) -> None:
    """The summary leads to the field by keyboard, and the field itself says what is wrong."""
    is_good(window)
    field = window.locator("#c-token")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(f"{sam.says('form.required')} {sam.says('form.missing')} {_help(sam)}")
    window.get_by_role("alert").get_by_role("link").press("Enter")
    expect(field).to_be_focused()
    window.keyboard.type(STRANGER)
    expect(field).to_have_value(STRANGER)
    window.keyboard.press("Tab")
    expect(window.locator("#account-name")).to_be_focused()


def _help(sam: Admin) -> str:
    return sam.language.field("telegram", "token", "help") or "From @BotFather: a number, a colon and a long word."


def _wrong_addresses(relay: RelayWorld, sam: Admin) -> None:
    good = {
        "accountToken": "token",
        "channelId": seed.CHANNEL_ID,
        "inboxId": seed.INBOX_ID,
        "portalId": seed.PORTAL_ID,
        "redirectUrl": relay.page,
    }
    page = sam.context.new_page()

    def meets(trouble: str, **changes: str) -> None:
        page.goto(f"{relay.services.settings.public_url}/connect?{urlencode({**good, **changes})}")
        sam.sees(page, trouble)

    meets("incomplete", accountToken="")
    meets("malformed", portalId="x")
    meets("foreign_redirect", redirectUrl="https://app.hubspot.com.evil.example/")
    meets("portal_unknown", portalId="4700002")
    meets("channel_unknown", channelId="1002")
    with relay.services.database.write() as connection:
        portals.pause(connection, int(seed.PORTAL_ID), hint="gone")
    meets("portal_paused")


@pytest.mark.parametrize("width", [320])
def test_a_service_with_many_fields_fits_a_phone(relay: RelayWorld, browser: Browser, width: int) -> None:
    with admin(browser, "en", relay.page) as sam:
        window = sam.presses_connect()
        window.set_viewport_size({"width": width, "height": 640})
        sam.chooses(window, "Matrix")
        is_good(window)
        window.locator("#c-homeserver_url").fill("http://127.0.0.1:9")
        window.locator("#c-server_name").fill("example.org")
        window.get_by_role("button", name=sam.says("form.button")).click()
        expect(window.get_by_role("heading", level=1)).to_have_text(sam.says("registration.title"))
        is_good(window)
        expect(window.locator("#file")).to_have_value(re.compile("/webhooks/matrix/"))


@pytest.mark.parametrize("language", ["en", pytest.param("pt", marks=pytest.mark.long)])
def test_every_page_of_trouble_is_fit_for_everybody(relay: RelayWorld, browser: Browser, language: str) -> None:
    """Also those that take much bad luck to meet: each is made by the code that makes it, with all that it can hold."""
    web = create_app(relay.services.settings, relay.services)
    keys = [key for key, text in languages()[language].texts["trouble"].items() if isinstance(text, dict)]
    pages = {key: _rendered(web, key, LOCALES[language]) for key in keys}

    def answer(route: Route) -> None:
        route.fulfill(body=pages[route.request.url.rpartition("/")[2]], content_type="text/html")

    with admin(browser, language, relay.page, color_scheme="dark" if language == "pt" else "light") as sam:
        page = sam.context.new_page()
        page.route("**/trouble/*", answer)
        for key in keys:
            page.goto(f"{relay.services.settings.public_url}/trouble/{key}")
            expect(page.get_by_role("heading", name=sam.says(f"trouble.{key}.title"))).to_be_visible()
            # The languages differ in words alone: axe-core looks at each page once.
            (is_good if language == "en" else fits)(page)


def _rendered(web: Flask, key: str, locale: str) -> str:
    what = Trouble(key, detail="a-detail-" * 12, again="a ticket", install=True, name="A shop")
    with web.test_request_context(headers={"Accept-Language": locale}):
        return trouble(what).get_data(as_text=True)
