from __future__ import annotations

from typing import Any

import pytest

from app.simulator import seed
from app.storage import portals
from tests.app.cli.conftest import Terminal
from tests.app.relay.world import RelayWorld


def missed(relay: RelayWorld, text: str = "Hello Dana") -> None:
    """An agent's answer whose webhook is lost for good."""
    thread = relay.conversation()
    relay.lose_webhooks()
    relay.reply(thread, text)
    relay.world.faults.clear()


def test_a_table_says_what_was_found_and_filled(relay: RelayWorld, terminal: Terminal) -> None:
    missed(relay)
    titles, line = terminal.out("reconcile").splitlines()
    names = ["PORTAL", "SINCE", "THREADS", "MESSAGES", "NEVER", "CAME", "NEVER", "ARRIVED", "UNTOLD", "FILLED"]
    assert titles.split() == [*names, "LEFT", "TROUBLE"]
    assert line.split()[0] == seed.PORTAL_ID
    assert line.split()[-8:] == ["1", "2", "1", "0", "0", "1", "-", "-"]
    relay.settle()
    assert relay.heard() == ["Hello Dana"]


def test_as_json_it_has_stable_keys(relay: RelayWorld, terminal: Terminal) -> None:
    missed(relay)
    [report] = terminal.json("reconcile", "--dry-run", "--since", "2h")
    keys = {"portal", "since", "threads", "messages", "never_came", "never_arrived", "untold", "filled"}
    assert set(report) == keys | {"left", "trouble"}
    assert (report["never_came"], report["filled"], report["left"]) == (1, 0, [])
    assert relay.rows("outbound") == []


def test_what_was_left_is_explained(relay: RelayWorld, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    missed(relay)
    monkeypatch.setenv("RELAY_RECONCILE_CUTOFF", "0.001")
    text = terminal.out("reconcile", "--since", "2h", "--portal", seed.PORTAL_ID)
    assert "1 too_old" in text
    assert "too_old: older than RELAY_RECONCILE_CUTOFF" in text
    [report] = terminal.json("reconcile", "--older")
    assert report["filled"] == 1


def test_what_cannot_be_compared_is_the_exit_status(relay: RelayWorld, terminal: Terminal) -> None:
    with relay.services.database.write() as connection:
        portals.pause(connection, int(seed.PORTAL_ID), hint="Its token is refused.")
    text: Any = terminal.run("reconcile", status=1).stdout
    assert "Its token is refused." in text


@pytest.mark.usefixtures("relay")
def test_a_portal_that_is_not_there_is_named(terminal: Terminal) -> None:
    assert "no portal 77" in terminal.refusal("reconcile", "--portal", 77)


@pytest.mark.parametrize("role", ["scheduler", "up"])
def test_office_hours_that_cannot_be_read_stop_the_start(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.setenv("RELAY_BROKER_URL", "memory://")
    monkeypatch.setenv("RELAY_OFFICE_HOURS", "always")
    assert "RELAY_OFFICE_HOURS is not valid" in terminal.refusal(role)
