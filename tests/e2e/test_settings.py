"""Accounts at HubSpot's settings, seen from both sides: inbox and help desk, off and on, moved, removed, connected."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.domain.account import RunState
from app.simulator import seed
from app.storage import accounts
from app.storage.accounts import AccountRow
from tests.app.relay.conftest import relay_simulator
from tests.app.relay.world import RelayWorld, eventually
from tests.app.simulator.rules import assert_rules_kept
from tests.e2e.admin import TOKEN, Admin, admin, is_good, relay

__all__ = ["relay", "relay_simulator"]

pytestmark = pytest.mark.timeout(180)

OTHER = "123456790:" + "C" * 35


@pytest.fixture
def sam(relay: RelayWorld, browser: Browser) -> Iterator[Admin]:
    """An administrator, while the relay works in the background."""
    relay.call("POST", "/_sim/telegram/bots", {"token": OTHER, "username": "help_bot", "name": "Help"})
    with admin(browser, "en", relay.page) as found, relay.working():
        yield found


def meets(relay: RelayWorld, bot: str = TOKEN, name: str = "Ada") -> None:
    """A customer finds a bot."""
    person = {"id": 99, "first_name": name}
    relay.call("POST", "/_sim/telegram/chats", {"bot": bot, "chat_id": 99, "type": "private", "user": person})


def writes(relay: RelayWorld, text: str, *, bot: str = TOKEN) -> None:
    """The customer writes to a bot."""
    relay.call("POST", "/_sim/telegram/say", {"bot": bot, "chat_id": 99, "text": text})


def hears(relay: RelayWorld, text: str, *, bot: str = TOKEN) -> None:
    """Wait until the customer of a bot has read this."""
    seen = f"/_sim/telegram/chats/{bot}/99/messages"
    eventually(lambda: text in [one["text"] for one in relay.call("GET", seen)], within=15)


def arrives(relay: RelayWorld, text: str) -> str:
    """Wait until an agent sees this. Returns the thread's id."""
    found = eventually(lambda: [one for one in relay.inbox() if one["text"] == text], within=15)
    return str(found[0]["conversationsThreadId"])


def stands(relay: RelayWorld, name: str, check: RunState, side: str = "state") -> AccountRow:
    """Wait until the relay's account of this name is in a state."""

    def look() -> AccountRow | None:
        with relay.services.database.read() as connection:
            rows = [row for row in accounts.every(connection) if row.name.startswith(name)]
        return next((row for row in rows if getattr(row, side) is check), None)

    row: AccountRow = eventually(look, within=15)
    return row


def answers(page: Page, text: str) -> None:
    page.get_by_test_id("agent-input").fill(text)
    page.get_by_test_id("agent-send").click()


def test_one_conversation_goes_through_an_inbox_and_one_through_the_help_desk(relay: RelayWorld, sam: Admin) -> None:
    settings = sam.opens(f"{relay.page}/settings")
    sam.connects(TOKEN, settings, "Inbox")
    sam.connects(OTHER, settings, "Help desk")
    account = settings.locator("[data-account]").filter(has_text="help_bot").get_attribute("data-account")
    settings.goto(f"{relay.page}/settings/connected/{account}")
    is_good(settings)
    meets(relay)
    meets(relay, OTHER, "Bob")
    writes(relay, "Is my order on its way?")
    writes(relay, "It came broken.", bot=OTHER)
    for text in ("Is my order on its way?", "It came broken."):
        arrives(relay, text)
    settings.set_viewport_size({"width": 1280, "height": 800})
    settings.goto(relay.page)
    _takes(settings, room="Inbox", customer="Ada", choice=("Owner", seed.COLLEAGUE_NAME))
    expect(settings.locator("#thread-facts")).not_to_contain_text("Ticket")
    answers(settings, "It left this morning.")
    _takes(settings, room="Help desk", customer="Bob", choice=("Team", seed.TEAM_NAME))
    expect(settings.locator("#thread-facts")).to_contain_text("Ticket")
    answers(settings, "We send another one.")
    is_good(settings)
    hears(relay, "It left this morning.")
    hears(relay, "We send another one.", bot=OTHER)
    cards = {one["contactName"]: (one["ownerName"], one["teamName"]) for one in relay.threads()}
    assert cards == {"Ada": (seed.COLLEAGUE_NAME, ""), "Bob": ("", seed.TEAM_NAME)}
    eventually(lambda: not relay.call("GET", "/_sim/assertions")["untouched_statuses"], within=15)
    assert_rules_kept(relay.world)


def _takes(page: Page, *, room: str, customer: str, choice: tuple[str, str]) -> None:
    """Choose the only thread of an inbox, and give it to somebody."""
    page.get_by_test_id("room").select_option(label=room)
    items = page.get_by_test_id("thread-item")
    expect(items).to_have_count(1)
    expect(items).to_contain_text(customer)
    items.click()
    if page.locator("#details-toggle").get_attribute("aria-expanded") == "false":
        page.get_by_role("button", name="Details").click()
    page.get_by_label(choice[0]).select_option(label=choice[1])
    expect(page.locator("#agent-note")).to_contain_text(choice[1])


@pytest.mark.parametrize("form", ["updated", "purged_created"])
def test_off_on_moved_removed_and_connected_anew(relay: RelayWorld, sam: Admin, form: str) -> None:
    relay.world.switch(account_move=form)
    settings = sam.opens(f"{relay.page}/settings")
    sam.connects(TOKEN, settings)
    meets(relay)
    writes(relay, "Hello?")
    thread = arrives(relay, "Hello?")
    _off_and_on(relay, settings)
    _moved(relay, settings, thread)
    _removed_and_connected_anew(relay, sam, settings)


def _off_and_on(relay: RelayWorld, settings: Page) -> None:
    switch = settings.get_by_role("switch", name="Shop")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    assert "switched off" in stands(relay, "Shop", RunState.PAUSED, "hubspot_state").hubspot_hint
    assert "switched off" in relay.threads()[0]["composer"]["closed"]
    writes(relay, "Are you there?")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    stands(relay, "Shop", RunState.RUNNING, "hubspot_state")
    arrives(relay, "Are you there?")


def _moved(relay: RelayWorld, settings: Page, thread: str) -> None:
    settings.get_by_role("button", name=re.compile("^Move Shop")).click()
    moved = settings.locator(f'[data-room="{seed.HELP_DESK_ID}"]')
    expect(moved).to_contain_text("Shop")
    ours = settings.locator("[data-account]").filter(has_text="Shop").get_attribute("data-account")
    relay.wait_for_webhooks()
    eventually(lambda: stands(relay, "Shop", RunState.RUNNING).hubspot_id == ours, within=15)
    writes(relay, "Still there?")
    arrives(relay, "Still there?")
    assert thread in {one["id"] for one in relay.threads()}


def _removed_and_connected_anew(relay: RelayWorld, sam: Admin, settings: Page) -> None:
    settings.get_by_role("button", name="Remove Shop").click()
    expect(settings.get_by_role("button", name="Remove Shop")).to_have_count(0)
    stands(relay, "Shop", RunState.PURGED)
    assert "removed" in relay.threads()[0]["composer"]["closed"]
    sam.connects(TOKEN, settings)
    expect(settings.get_by_role("switch", name="Shop")).to_be_checked()
    stands(relay, "Shop", RunState.RUNNING)
    writes(relay, "And now?")
    relay.reply(arrives(relay, "And now?"), "Now for good.")
    hears(relay, "Now for good.")
    is_good(settings)


@pytest.mark.parametrize("how", ["Close half way", "Let it expire"])
def test_a_window_that_has_lost_its_token_says_so(relay: RelayWorld, sam: Admin, how: str) -> None:
    relay.world.switch(closed_window_token="gone")
    settings = sam.opens(f"{relay.page}/settings")
    window = sam.presses_connect(settings)
    window.get_by_role("link", name="Telegram").click()
    settings.get_by_text(how).click()
    expect(settings.get_by_text(how)).to_have_count(0)
    sam.enters(window, TOKEN)
    sam.sees(window, "window_expired")
    is_good(settings)


def test_hubspot_notices_when_the_window_is_closed(relay: RelayWorld, sam: Admin) -> None:
    settings = sam.opens(f"{relay.page}/settings")
    stays = sam.presses_connect(settings)
    expect(settings.get_by_text("waiting")).to_have_count(1)
    window = sam.presses_connect(settings, "Help desk")
    expect(settings.get_by_text("waiting")).to_have_count(2)
    window.close()
    closed = settings.locator("[data-window]").filter(has_text="closed")
    expect(closed).to_have_count(1)
    expect(closed).to_contain_text("For Help desk")
    stays.close()
    expect(closed).to_have_count(2)
    with relay.services.database.read() as connection:
        assert [row.name for row in accounts.every(connection)] == ["Loopback"]
