from __future__ import annotations

import pytest
from sqlalchemy import update

from app.storage.tables import accounts
from app.vault import Vault
from tests.app.cli.conftest import Terminal
from tests.app.relay.world import RelayWorld

OLD, NEW = "a key of the tests", "a newer key of the tests"


@pytest.fixture
def both_keys(relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> RelayWorld:
    monkeypatch.setenv("RELAY_SECRET_KEYS", f"{NEW},{OLD}")
    return relay


@pytest.mark.usefixtures("both_keys")
def test_everything_is_sealed_anew_and_the_older_key_may_go(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = terminal.json("keys", "status")
    assert (found["sealed_by_newest"], found["sealed_by_older"], found["older_keys_may_go"]) == (0, 2, False)
    assert "2 secrets were sealed anew" in terminal.out("keys", "rotate")
    assert terminal.json("keys", "rotate") == {"sealed_anew": 0, "not_opened": 0, "older_keys_may_go": True}
    monkeypatch.setenv("RELAY_SECRET_KEYS", NEW)
    assert terminal.json("keys", "status")["older_keys_may_go"]
    assert terminal.json("accounts", "test", 1)["tested"]


def test_a_key_that_is_not_there_fails_the_check(both_keys: RelayWorld, terminal: Terminal) -> None:
    both_keys.execute(update(accounts).values(credentials=Vault(["a lost key"]).seal("{}")))
    for command in ("status", "rotate"):
        assert "account 1: No key in RELAY_SECRET_KEYS opens" in terminal.run("keys", command, status=1).stderr
