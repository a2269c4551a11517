from __future__ import annotations

import pytest

from tests.app.cli.conftest import Terminal
from tests.app.relay.deliveries import deliver, message, oddity
from tests.app.relay.world import RelayWorld


@pytest.fixture
def odd(relay: RelayWorld) -> RelayWorld:
    """An envelope with a message and something that is not understood."""
    deliver(relay, message("m1"), oddity())
    return relay


@pytest.mark.usefixtures("relay")
def test_nothing_is_a_sentence(terminal: Terminal) -> None:
    assert terminal.out("envelopes", "list") == "Everything that came in was understood.\n"
    assert terminal.out("envelopes", "open", "--all") == "No envelope holds anything unopened.\n"


@pytest.mark.usefixtures("odd")
def test_lists_what_was_not_understood(terminal: Terminal) -> None:
    [line] = terminal.json("envelopes", "list")
    assert (line["envelope_id"], line["source"], line["account"]) == (1, "loopback", "Loopback")
    assert "Not an event that this release knows" in line["reason"]


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("words", [("1",), ("--all",)])
def test_opening_again_doubles_nothing(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert terminal.json("envelopes", "open", *words) == [{"envelope_id": 1, "messages": 0, "unopened": 1}]
    assert "0 new messages, 1 items still unopened" in terminal.out("envelopes", "open", *words)
    assert len(terminal.json("messages", "list")) == 1
    assert len(terminal.json("envelopes", "list")) == 1


@pytest.mark.usefixtures("odd")
def test_one_or_all(terminal: Terminal) -> None:
    assert "Name one envelope" in terminal.refusal("envelopes", "open", status=2)
    assert "Name one envelope" in terminal.refusal("envelopes", "open", 1, "--all", status=2)
    assert "no envelope 7" in terminal.refusal("envelopes", "open", 7)
