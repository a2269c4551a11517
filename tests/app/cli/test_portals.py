from __future__ import annotations

from pathlib import Path

import pytest

from app.simulator import seed
from app.storage import portals
from tests.app.cli.conftest import Terminal
from tests.app.relay.world import RelayWorld

PORTAL = int(seed.PORTAL_ID)


@pytest.mark.usefixtures("relay")
def test_lists_portals(terminal: Terminal) -> None:
    [line] = terminal.json("portals", "list")
    assert (line["id"], line["name"], line["state"], line["accounts"]) == (PORTAL, "Test", "running", 1)
    assert seed.REFRESH_TOKEN not in str(line)
    assert str(PORTAL) in terminal.out("portals", "list")


@pytest.mark.usefixtures("relay")
def test_a_portal_gets_a_token_that_hubspot_takes(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{seed.REFRESH_TOKEN}\n")
    assert terminal.json("portals", "add", PORTAL, "--refresh-token", f"@{tmp_path / 'token'}") == {
        "id": PORTAL,
        "new": False,
        "tested": True,
    }
    assert "expires in 30 min" in terminal.out("portals", "list")


@pytest.mark.usefixtures("relay")
def test_a_token_that_hubspot_refuses_is_not_stored(terminal: Terminal) -> None:
    assert "install the app again" in terminal.refusal("portals", "add", 99, "--refresh-token", "made-up")
    assert len(terminal.json("portals", "list")) == 1


@pytest.mark.usefixtures("relay")
def test_a_token_of_another_portal_is_refused(terminal: Terminal) -> None:
    words = terminal.refusal("portals", "add", 99, "--refresh-token", seed.REFRESH_TOKEN)
    assert f"belongs to portal {PORTAL}" in words


def test_untested_a_token_is_stored_as_it_is(relay: RelayWorld, terminal: Terminal) -> None:
    terminal.run("portals", "add", 99, "--refresh-token", "later", "--no-test", "--name", "Second")
    with relay.services.database.read() as connection:
        portal = portals.get(connection, 99)
    assert portal is not None
    assert (portal.name, relay.services.vault.open_sealed(portal.refresh_token)) == ("Second", "later")


@pytest.mark.usefixtures("relay")
def test_pause_and_resume(terminal: Terminal) -> None:
    terminal.run("portals", "pause", PORTAL)
    [paused] = terminal.json("portals", "list")
    assert paused["state"] == "paused"
    assert "resume" in paused["hint"]
    terminal.run("portals", "resume", PORTAL)
    assert terminal.json("portals", "list")[0]["state"] == "running"


@pytest.mark.usefixtures("relay")
def test_what_is_not_there_cannot_be_paused(terminal: Terminal) -> None:
    assert "no portal 99" in terminal.refusal("portals", "pause", 99)
    assert "no portal 99" in terminal.refusal("portals", "resume", 99)
