"""The demo's page in a real browser: write as a customer, answer as an agent, see what became of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.processes import running_demo

#: Milliseconds within which something has to be seen.
PATIENCE = 15_000


def test_both_panes_of_the_page(monkeypatch: pytest.MonkeyPatch, page: Page) -> None:
    with running_demo(monkeypatch) as people:
        page.goto(people.page)
        _on_loopback(page)
        _on_telegram(page)


def _on_loopback(page: Page) -> None:
    page.get_by_test_id("account-switch").select_option(label="Loopback: Demo")
    page.get_by_test_id("customer-item").first.click()
    page.get_by_test_id("customer-input").fill("Is my order on its way?")
    page.get_by_test_id("customer-send").click()
    page.get_by_test_id("thread-item").filter(has_text="Is my order on its way?").first.click(timeout=PATIENCE)
    page.get_by_test_id("agent-input").fill("Yes, it left this morning.")
    page.get_by_test_id("agent-send").click()
    answer = page.get_by_test_id("customer-bubble").filter(has_text="Yes, it left this morning.")
    expect(answer).to_be_visible(timeout=PATIENCE)
    # The customer's pane is open, so the answer is read at once.
    expect(page.get_by_test_id("agent-status").last).to_have_attribute("data-status", "READ", timeout=PATIENCE)


def _on_telegram(page: Page) -> None:
    page.get_by_test_id("account-switch").select_option(label="Telegram: Demo")
    page.get_by_test_id("customer-item").first.click()
    page.get_by_test_id("customer-input").fill("Hello from Telegram")
    page.get_by_test_id("customer-send").click()
    page.get_by_test_id("thread-item").filter(has_text="Hello from Telegram").first.click(timeout=PATIENCE)
    page.get_by_test_id("agent-input").fill("Hello from the inbox")
    page.get_by_test_id("agent-send").click()
    answer = page.get_by_test_id("customer-bubble").filter(has_text="Hello from the inbox")
    expect(answer).to_be_visible(timeout=PATIENCE)
    status = page.get_by_test_id("agent-status").last
    expect(status).to_have_attribute("data-status", "SENT", timeout=PATIENCE)
    page.get_by_test_id("block-toggle").click()
    page.get_by_test_id("agent-input").fill("Are you there?")
    page.get_by_test_id("agent-send").click()
    expect(status).to_have_attribute("data-status", "FAILED", timeout=PATIENCE)
    expect(page.get_by_test_id("agent-bubble").last).to_contain_text("blocked", ignore_case=True)
