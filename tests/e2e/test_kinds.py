"""Every kind of message through both panes of the page, with the relay between them: a real browser, one session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, ViewportSize, expect

from app.simulator.server import SimulatorServer
from tests.app.media.making import SECONDS, picture, tone
from tests.app.relay.conftest import relay_simulator
from tests.app.relay.world import RelayWorld, relay_world
from tests.e2e.admin import PATIENCE, is_good

__all__ = ["relay_simulator"]

WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
LAMP: FilePayload = {"name": "lamp.png", "mimeType": "image/png", "buffer": picture("PNG", "RGB")}
STICKER: FilePayload = {"name": "smile.webp", "mimeType": "image/webp", "buffer": picture("WEBP", "RGBA")}
VOICE: FilePayload = {"name": "note.ogg", "mimeType": "audio/ogg", "buffer": tone("ogg", "libopus", seconds=SECONDS)}
MANUAL: FilePayload = {"name": "manual.txt", "mimeType": "text/plain", "buffer": b"Turn it clockwise.\n"}
SECRET: FilePayload = {"name": "plan.png", "mimeType": "image/png", "buffer": picture("PNG", "L")}


@pytest.fixture
def relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str, relay_simulator: SimulatorServer
) -> Iterator[RelayWorld]:
    with relay_world(tmp_path, monkeypatch, migrated_sqlite_url, shared=relay_simulator, migrated=True) as world:
        world.world.switch(attachment_url="private")
        world.say("Hello!")
        with world.working():
            yield world


@pytest.fixture
def page(browser: Browser, relay: RelayWorld) -> Iterator[Page]:
    """Both panes, with Dana's conversation open on either side."""
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(relay.page)
    page.get_by_test_id("customer-item").first.click()
    page.get_by_test_id("thread-item").first.click()
    expect(agent_sees(page)).to_contain_text("Hello!")
    yield page
    assert failures == []
    context.close()


def agent_sees(page: Page) -> Locator:
    """The latest message of the agent's pane."""
    return page.get_by_test_id("agent-bubble").last


def customer_sees(page: Page) -> Locator:
    """The latest message of the customer's pane."""
    return page.get_by_test_id("customer-bubble").last


def is_loaded(shown: Locator) -> None:
    """The browser could read what a player or a picture shows."""
    expect(shown).to_be_visible()
    script = "one => one.tagName === 'IMG' ? one.complete && one.naturalWidth > 0 : one.readyState > 0"
    handle = shown.element_handle()
    assert handle is not None
    shown.page.wait_for_function(script, arg=handle)


def choose(page: Page, pane: str, entry: str) -> None:
    page.locator(f"#{pane}-more").click()
    page.get_by_role("menuitem", name=entry).click()


def fill(page: Page, dialog: str, button: str, **values: str) -> None:
    form = page.locator(f"#{dialog}")
    for name, value in values.items():
        form.locator(f"[name={name}]").fill(value)
    form.get_by_role("button", name=button).click()


def test_a_customer_sends_every_kind_and_the_agent_sees_it(page: Page) -> None:
    page.locator("#customer-files").set_input_files([LAMP, MANUAL])
    page.get_by_test_id("customer-input").fill("It came broken")
    page.get_by_test_id("customer-send").click()
    expect(agent_sees(page)).to_contain_text("It came broken")
    is_loaded(agent_sees(page).get_by_role("img", name="lamp.png"))
    expect(agent_sees(page).get_by_role("link", name="manual.txt")).to_contain_text("19 bytes")

    for entry, sent, shown in (("Voice note", VOICE, "audio"), ("Sticker", STICKER, "img.sticker")):
        with page.expect_file_chooser() as chooser:
            choose(page, "customer", entry)
        chooser.value.set_files(sent)
        is_loaded(agent_sees(page).locator(shown))
        is_loaded(customer_sees(page).locator(shown))

    choose(page, "customer", "Place")
    fill(page, "new-place", "Add the place", name="Harbour Shop", latitude="48.5", longitude="16.25")
    expect(agent_sees(page).locator("a.place")).to_contain_text("Harbour Shop")
    choose(page, "customer", "Contact card")
    fill(page, "new-card", "Add the card", name="Alex Quay", phones="+43 1 234567", emails="alex@harbour.example")
    expect(agent_sees(page).locator(".contact")).to_contain_text(re.compile("Alex Quay.*43.*alex@harbour.example"))
    is_good(page)
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    for tab in ("customer", "agent"):
        page.locator(f".tab[data-tab={tab}]").click()
        is_good(page)


def test_second_thoughts_of_a_customer_reach_the_agent(page: Page, relay: RelayWorld) -> None:
    page.get_by_test_id("customer-input").fill("Where is my oder?")
    page.get_by_test_id("customer-send").click()
    expect(agent_sees(page)).to_contain_text("oder")
    customer_sees(page).hover()
    page.get_by_role("button", name="More about: Where is my oder?").click()
    page.get_by_role("menuitem", name="Change").click()
    page.get_by_test_id("customer-input").fill("Where is my order?")
    page.get_by_test_id("customer-send").click()
    expect(agent_sees(page)).to_contain_text("Where is my order?")
    expect(agent_sees(page)).to_contain_text("edited")
    expect(customer_sees(page)).to_contain_text("edited")

    page.get_by_test_id("agent-input").fill("On its way")
    page.get_by_test_id("agent-send").click()
    expect(customer_sees(page)).to_contain_text("On its way")
    page.get_by_role("button", name="More about: On its way").press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    is_good(page)
    page.keyboard.press("Enter")  # the first of the reactions
    expect(customer_sees(page).get_by_role("img", name="Reactions: 👍")).to_be_visible()
    expect(agent_sees(page)).to_contain_text("👍")

    page.get_by_role("button", name="Reply to: On its way").first.click()
    page.get_by_test_id("customer-input").fill("Thanks!")
    page.get_by_test_id("customer-send").click()
    expect(agent_sees(page)).to_contain_text("Thanks!")
    expect(agent_sees(page).locator(".quote")).to_have_text("On its way")

    page.get_by_role("button", name="More about: Thanks!").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(customer_sees(page)).to_contain_text("Deleted")
    expect(agent_sees(page)).to_contain_text("deleted")
    assert {one["type"] for one in relay.inbox()} == {"MESSAGE"}


def test_an_agent_sends_every_kind_and_the_customer_sees_it(page: Page) -> None:
    page.locator("#agent-files").set_input_files([LAMP, MANUAL])
    answer = page.get_by_test_id("agent-input")
    answer.fill("Look here")
    answer.press("Control+a")
    page.get_by_role("button", name="Bold").click()
    page.get_by_test_id("agent-send").click()
    expect(agent_sees(page).locator("strong")).to_have_text("Look here")
    seen = page.get_by_test_id("customer-bubble")
    expect(seen.filter(has_text="Look here")).to_be_visible()
    is_loaded(seen.get_by_role("img", name="lamp.png"))
    expect(seen.get_by_role("link", name="manual.txt")).to_be_visible()
    expect(page.get_by_test_id("agent-status").last).to_have_attribute("data-status", "READ")

    with page.expect_file_chooser() as chooser:
        choose(page, "agent", "Picture within the text")
    chooser.value.set_files(SECRET)
    expect(answer.locator("img")).to_have_count(1)
    page.get_by_test_id("agent-send").click()
    is_loaded(agent_sees(page).get_by_role("img", name="plan.png"))
    is_loaded(seen.get_by_role("img", name="plan.png"))

    choose(page, "agent", "Quick replies")
    fill(page, "new-choices", "Add the replies", answers="Today\nTomorrow\nTrack it https://harbour.example/1")
    answer.fill("When?")
    page.get_by_test_id("agent-send").click()
    expect(customer_sees(page).get_by_role("link", name="Track it")).to_have_attribute(
        "href", "https://harbour.example/1"
    )
    customer_sees(page).get_by_role("button", name="Tomorrow").click()
    expect(agent_sees(page).locator(".quote")).to_have_text("When?")
    expect(agent_sees(page).locator(".text")).to_have_text("Tomorrow")

    choose(page, "agent", "Place")
    fill(page, "new-place", "Add the place", name="Harbour Shop")
    choose(page, "agent", "Contact card")
    fill(page, "new-card", "Add the card", name="Alex Quay", phones="+43 1 234567")
    page.get_by_role("button", name="Reply to: Tomorrow").last.click()
    page.get_by_test_id("agent-send").click()
    expect(agent_sees(page).locator(".quote")).to_have_text(re.compile("Tomorrow"))
    expect(page.locator("#customer-stream .contact")).to_contain_text("Alex Quay")
    expect(page.locator("#customer-stream a.place")).to_contain_text("Harbour Shop")
    is_good(page)
