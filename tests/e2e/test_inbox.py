"""The simulated inbox in a real browser: what an agent can do with a thread, and how the page looks to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, ViewportSize, expect

from app.simulator import seed
from app.simulator.server import SimulatorServer
from tests.app.simulator.conftest import client, receiver, scene, simulator
from tests.app.simulator.scene import MESSAGES, Scene, person
from tests.e2e.admin import PATIENCE, is_good

__all__ = ["client", "receiver", "scene", "simulator"]

WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}

#: Somebody drags a file from their desk onto the agent's pane.
DROP = """() => {
    const dataTransfer = new DataTransfer(), pane = document.getElementById("pane-agent");
    dataTransfer.items.add(new File(["words"], "dropped.txt", { type: "text/plain" }));
    for (const kind of ["dragenter", "dragover", "drop"])
        pane.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
}"""
HOSTILE = (
    '<img src="x" onerror="window.struck = 1"><a href="javascript:window.struck = 1">go</a>'
    "<script>window.struck = 1</script><b>kept</b>"
)


def file(name: str, content: bytes = b"\x89PNG", mime: str = "image/png") -> FilePayload:
    return {"name": name, "mimeType": mime, "buffer": content}


@pytest.fixture
def threads(scene: Scene) -> tuple[str, str]:
    """Two conversations: Dana's, who was answered, and Milo's."""
    dana = scene.publish("Is my order on its way?", integrationThreadId="a")["conversationsThreadId"]
    milo = scene.publish("Hello?", integrationThreadId="b", senders=[person("u2", "Milo")])["conversationsThreadId"]
    sent = scene.reply(dana, "It left this morning.")
    told = {"statusType": "FAILED", "errorMessage": "Dana has blocked this account."}
    scene.call("PATCH", f"{MESSAGES}/{sent['id']}", told)
    return dana, milo


@pytest.fixture
def inbox(browser: Browser, simulator: SimulatorServer, threads: tuple[str, str]) -> Iterator[Page]:
    """The page, with Dana's thread open."""
    assert threads
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(simulator.url)
    page.get_by_test_id("thread-item").filter(has_text="Dana").click()
    expect(page.get_by_test_id("agent-bubble")).to_have_count(2)
    yield page
    assert failures == []
    context.close()


def card(scene: Scene, thread: str) -> dict[str, Any]:
    return next(one for one in scene.sim("GET", "/threads") if one["id"] == thread)


def limit(scene: Scene, page: Page, **capabilities: Any) -> None:
    """Change what the channel allows, and let the page see it."""
    scene.world.hubspot.channels[seed.CHANNEL_ID].capabilities.update(capabilities)
    page.reload()
    page.get_by_test_id("thread-item").filter(has_text="Dana").click()
    expect(page.get_by_test_id("agent-bubble")).to_have_count(2)


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone"])
def test_the_pages_are_fit_for_everybody(inbox: Page, simulator: SimulatorServer, size: Any, scheme: Any) -> None:
    inbox.set_viewport_size(size)
    inbox.emulate_media(color_scheme=scheme)
    if size is PHONE:
        is_good(inbox)
        inbox.locator(".tab[data-tab=agent]").click()
    inbox.get_by_role("button", name="Details").click()
    is_good(inbox)
    for drawer in ("Faults", "Switches"):
        inbox.get_by_role("button", name=drawer).click()
        is_good(inbox)
        inbox.keyboard.press("Escape")
    inbox.goto(f"{simulator.url}/settings")
    is_good(inbox)


def test_an_agent_sees_what_failed_and_why(inbox: Page) -> None:
    expect(inbox.get_by_test_id("agent-bubble").last).to_contain_text("Dana has blocked this account.")
    expect(inbox.get_by_test_id("agent-status").last).to_have_attribute("data-status", "FAILED")


def test_by_keyboard_a_thread_gets_an_owner_a_team_and_another_inbox(
    inbox: Page, scene: Scene, threads: tuple[str, str]
) -> None:
    inbox.get_by_role("button", name="Details").press("Enter")
    for field, keys in (("Owner", "Kim"), ("Team", "Support"), ("Inbox", "Help")):
        choice = inbox.get_by_role("combobox", name=field, exact=True).last
        choice.focus()
        inbox.keyboard.type(keys)
        inbox.keyboard.press("Tab")
    expect(inbox.locator("#agent-note")).to_contain_text("Help desk · Kim Colleague · Support")
    now = card(scene, threads[0])
    assert (now["ownerId"], now["teamId"], now["inboxId"]) == (seed.COLLEAGUE_ID, seed.TEAM_ID, seed.HELP_DESK_ID)
    assert now["ticketId"]
    expect(inbox.locator("#agent-stream")).to_contain_text("Given to Kim Colleague")


def test_threads_are_merged_closed_reopened_and_deleted(inbox: Page, scene: Scene, threads: tuple[str, str]) -> None:
    inbox.get_by_role("button", name="Details").click()
    inbox.get_by_label("Merge into").select_option(label="Milo, Loopback")
    inbox.get_by_role("button", name="Merge").click()
    expect(inbox.get_by_test_id("thread-item")).to_have_count(1)
    expect(inbox.locator("#agent-stream")).to_contain_text("Is my order on its way?")
    assert card(scene, threads[1])["integrationThreadIds"] == ["b", "a"]
    inbox.get_by_role("button", name="Close thread").click()
    inbox.get_by_role("button", name="Closed 1").click()
    expect(inbox.locator("#agent-closed")).to_contain_text("This thread is closed.")
    inbox.get_by_role("button", name="Reopen thread").click()
    expect(inbox.get_by_test_id("agent-input")).to_be_visible()
    inbox.get_by_role("button", name="Delete thread").click()
    expect(inbox.get_by_test_id("thread-item")).to_have_count(0)
    assert scene.sim("GET", "/threads") == []


def test_the_composer_takes_files_as_the_channel_allows_them(inbox: Page, scene: Scene) -> None:
    files = inbox.locator("#agent-files")
    files.set_input_files(file("tool.exe", mime="application/x-msdownload"))
    expect(inbox.locator("#agent-error")).to_contain_text("of a type that this channel does not allow")
    limit(scene, inbox, maxFileAttachmentCount=1, maxFileAttachmentSizeBytes=4)
    files.set_input_files(file("big.png", b"12345"))
    expect(inbox.locator("#agent-error")).to_contain_text("big.png is larger")
    files.set_input_files([file("cat.png"), file("dog.png")])
    expect(inbox.locator("#agent-error")).to_contain_text("1 file(s) per message")
    inbox.get_by_test_id("agent-send").click()
    expect(inbox.get_by_role("link", name="cat.png")).to_be_visible()
    sent = [one for one in scene.world.hubspot.messages.values() if one.attachments]
    assert [one["name"] for one in sent[0].attachments] == ["cat.png"]


def test_by_keyboard_an_agent_writes_a_list_and_a_link(inbox: Page, scene: Scene) -> None:
    limit(scene, inbox, richText=["BOLD", "HYPERLINK", "LISTS"])
    expect(inbox.get_by_role("button", name="Quotation")).to_be_hidden()
    inbox.get_by_role("button", name="List").press("Enter")
    inbox.keyboard.type("lamp")
    inbox.keyboard.press("Enter")
    inbox.keyboard.type("bulb <2>")
    inbox.keyboard.press("Shift+Home")
    inbox.get_by_role("button", name="Link", exact=True).press("Enter")
    inbox.get_by_label("Address").last.fill("https://harbour.example/bulb")
    inbox.keyboard.press("Enter")
    expect(inbox.get_by_test_id("agent-input").locator("a")).to_have_text("bulb <2>")
    inbox.get_by_test_id("agent-input").press("Control+Enter")
    expect(inbox.get_by_test_id("agent-bubble").last.locator("li")).to_have_text(["lamp", "bulb <2>"])
    [sent] = [one for one in scene.world.hubspot.messages.values() if one.rich_text]
    assert sent.text == "lamp\nbulb <2>"
    link = '<a href="https://harbour.example/bulb" target="_blank" rel="noopener noreferrer">bulb &lt;2&gt;</a>'
    assert sent.rich_text == f"<ul><li>lamp</li><li>{link}</li></ul>"


def test_a_channel_without_replies_has_no_composer(inbox: Page, scene: Scene) -> None:
    limit(scene, inbox, outgoingAttachmentTypes=[])
    expect(inbox.locator("#files-button")).to_be_hidden()
    limit(scene, inbox, allowOutgoingMessages=False)
    expect(inbox.get_by_test_id("agent-input")).to_be_hidden()
    expect(inbox.locator("#agent-closed")).to_contain_text("does not allow replies")


def test_the_switchboard_has_every_switch_and_sets_it(inbox: Page, scene: Scene) -> None:
    inbox.get_by_role("button", name="Switches").click()
    expect(inbox.locator("[data-switch]")).to_have_count(len(type(scene.world.switches).model_fields))
    inbox.get_by_label("duplicate policy").select_option("conflict")
    inbox.get_by_role("switch", name="echo outgoing").click()
    inbox.get_by_label("text limit").fill("7")
    inbox.get_by_label("text limit").press("Tab")
    expect(inbox.locator("#switch-count")).to_have_text("4")  # the tests press time together as well
    now = scene.world.switches
    assert (now.duplicate_policy, now.echo_outgoing, now.text_limit) == ("conflict", True, 7)
    inbox.get_by_role("spinbutton", name="rate limit").fill("0")
    inbox.get_by_role("spinbutton", name="rate limit").press("Tab")
    expect(inbox.locator("#switches-error")).not_to_be_empty()
    inbox.get_by_label("Search the switches").fill("closed thread")
    expect(inbox.locator("[data-row]:visible")).to_have_count(1)
    inbox.get_by_role("button", name="Defaults").click()
    expect(inbox.locator("#switch-count")).to_be_hidden()
    assert scene.world.switches.duplicate_policy == "return_existing"


def test_files_are_dropped_onto_a_pane_and_html_of_strangers_does_nothing(inbox: Page) -> None:
    inbox.evaluate(DROP)
    expect(inbox.locator("#agent-chips")).to_contain_text("dropped.txt")
    inbox.get_by_role("button", name="Remove dropped.txt").click()
    expect(inbox.locator("#agent-chips")).to_be_empty()
    cleaned = inbox.evaluate("async (html) => (await import('/_sim/static/rich.js')).cleanHtml(html)", HOSTILE)
    assert cleaned == "go<strong>kept</strong>"
    assert inbox.evaluate("window.struck") is None


def test_a_customer_of_telegram_sends_changes_and_presses(inbox: Page, scene: Scene) -> None:
    bot = {"bot": "700001", "chat_id": 99}
    scene.sim("POST", "/telegram/bots", {"token": "700001:AAF", "name": "Harbour"})
    scene.sim("POST", "/telegram/chats", {**bot, "user": {"first_name": "Aiko"}})
    keyboard = [[{"text": "Today", "callback_data": "1"}, {"text": "Track it", "url": "https://harbour.example/1"}]]
    text = "<b>When</b> <i>shall</i> we? https://harbour.example"
    markup = {"reply_markup": {"inline_keyboard": keyboard}, "text": text, "parse_mode": "HTML", "chat_id": 99}
    assert scene.client.post("/telegram/bot700001:AAF/sendMessage", json=markup).is_success
    inbox.get_by_test_id("account-switch").select_option(label="Telegram: Harbour")
    asked = inbox.get_by_test_id("customer-bubble").first
    expect(asked.locator("strong")).to_have_text("When")
    expect(asked.get_by_role("link", name="https://harbour.example", exact=True)).to_be_visible()
    asked.get_by_role("button", name="Today").click()

    inbox.locator("#customer-files").set_input_files([file("a.png"), file("b.png"), file("c.txt", b"c", "text/plain")])
    inbox.get_by_test_id("customer-input").fill("Look")
    inbox.get_by_test_id("customer-send").click()
    expect(inbox.get_by_role("link", name="c.txt")).to_be_visible()
    _choose(inbox, "Place")
    inbox.locator("#new-place [name=name]").fill("Market")
    inbox.get_by_role("button", name="Add the place").click()
    _choose(inbox, "Contact card")
    inbox.locator("#new-card [name=name]").fill("Alex")
    inbox.locator("#new-card [name=phones]").fill("+431234567")
    inbox.get_by_role("button", name="Add the card").click()
    expect(inbox.locator("#customer-stream .contact")).to_contain_text("Alex")
    inbox.get_by_role("button", name="More about: When shall we?").click()
    inbox.get_by_role("menuitem", name="React with 👍").click()
    expect(asked.get_by_role("img", name="Reactions: 👍")).to_be_visible()
    inbox.get_by_role("button", name="More about: Alex").click()
    inbox.get_by_role("menuitem", name="Delete").click()
    expect(inbox.locator("#customer-stream .contact")).to_have_count(0)

    sent = scene.sim("GET", "/telegram/chats/700001/99/messages?raw")[1:]
    assert [next(kind for kind in ("photo", "document", "venue") if kind in one) for one in sent] == [
        "photo",
        "photo",
        "document",
        "venue",
    ]
    assert (sent[0]["caption"], len({one.get("media_group_id") for one in sent[:3]})) == ("Look", 1)
    updates = scene.client.post("/telegram/bot700001:AAF/getUpdates", json={}).json()["result"]
    assert [one["callback_query"]["data"] for one in updates if "callback_query" in one] == ["1"]


def _choose(page: Page, entry: str) -> None:
    page.locator("#customer-more").click()
    page.get_by_role("menuitem", name=entry).click()
