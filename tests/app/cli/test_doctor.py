from __future__ import annotations

import pytest

from tests.app.cli.conftest import Terminal


@pytest.mark.usefixtures("relay")
def test_a_whole_relay_passes(terminal: Terminal) -> None:
    report = terminal.json("doctor")
    assert report["ok"]
    levels = {one["check"]: one["level"] for one in report["checks"]}
    assert levels["database"] == levels["migrations"] == levels["vault"] == levels["hubspot"] == "ok"
    assert set(report["checks"][0]) == {"check", "level", "sentence", "fix"}
    assert "0 failed" in terminal.out("doctor").splitlines()[-1]


@pytest.mark.usefixtures("relay")
def test_a_failed_check_is_the_exit_status(terminal: Terminal) -> None:
    terminal.run("accounts", "pause", 1)
    assert not terminal.json("doctor", status=1)["ok"]
    text = terminal.run("doctor", status=1).stdout
    assert "fail  account 1" in text
    assert "-> `relay accounts resume 1`" in text


def test_a_bare_machine_is_told_what_to_do_first(terminal: Terminal) -> None:
    text = terminal.run("doctor", status=1).stdout
    assert "RELAY_SECRET_KEYS is missing" in text
    assert "RELAY_PUBLIC_URL" in text
