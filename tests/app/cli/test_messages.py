from __future__ import annotations

import pytest

from app.storage import accounts
from tests.app.cli.conftest import Terminal
from tests.app.relay.deliveries import deliver, message
from tests.app.relay.world import RelayWorld

TEXT = "My card number is a secret"


@pytest.fixture
def stored(relay: RelayWorld) -> RelayWorld:
    """Three messages in two conversations, none of them published."""
    deliver(relay, message("m1", TEXT), message("m2", "And"), message("m3", "Other", conversation="c2"))
    return relay


@pytest.mark.usefixtures("relay")
def test_nothing_is_a_sentence(terminal: Terminal) -> None:
    assert terminal.out("messages", "list") == "No message is like that.\n"
    assert terminal.json("messages", "list") == []


@pytest.mark.usefixtures("stored")
def test_the_newest_comes_first(terminal: Terminal) -> None:
    lines = terminal.json("messages", "list")
    assert [line["service_id"] for line in lines] == ["m3", "m2", "m1"]
    assert {line["status"] for line in lines} == {"pending"}
    assert lines[0]["accepted_at"].endswith("Z")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (("--account", 1), 3),
        (("--account", 2), 0),
        (("--status", "pending"), 3),
        (("--status", "sent"), 0),
        (("--direction", "outbound"), 0),
        (("--direction", "inbound"), 3),
        (("--since", "1h"), 3),
        (("--since", "2099-01-01"), 0),
        (("--since", "2020-01-01T00:00:00Z"), 3),
        (("--limit", 2), 2),
    ],
)
def test_messages_are_chosen(terminal: Terminal, chosen: tuple[object, ...], found: int) -> None:
    assert len(terminal.json("messages", "list", *chosen)) == found


@pytest.mark.usefixtures("stored")
def test_messages_of_one_thread(terminal: Terminal) -> None:
    thread = terminal.json("messages", "show", 1)["thread_id"]
    assert [line["id"] for line in terminal.json("messages", "list", "--thread", thread)] == [2, 1]


@pytest.mark.usefixtures("relay")
def test_an_odd_time_is_wrong_usage(terminal: Terminal) -> None:
    assert "30m" in terminal.refusal("messages", "list", "--since", "yesterday", status=2)


@pytest.mark.usefixtures("stored")
def test_the_text_is_shown_only_when_asked_for(terminal: Terminal) -> None:
    for words in (("messages", "list"), ("messages", "show", 1), ("trace", 1)):
        assert TEXT not in terminal.out(*words)
        assert TEXT not in terminal.out(*words, "--json")
    assert TEXT in terminal.out("messages", "show", 1, "--text")
    assert terminal.json("messages", "show", 1, "--text")["text"] == TEXT


@pytest.mark.usefixtures("stored")
def test_a_message_that_is_not_there(terminal: Terminal) -> None:
    assert "no message 99" in terminal.refusal("messages", "show", 99)
    assert "no message 99" in terminal.refusal("messages", "replay", 99)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("number", ["0", "-1", "9" * 30, "m1"])
def test_what_cannot_be_an_id_is_wrong_usage(terminal: Terminal, number: str) -> None:
    assert "is not" in terminal.refusal("messages", "show", "--", number, status=2)


@pytest.mark.usefixtures("stored")
def test_what_has_not_failed_is_not_replayed(terminal: Terminal) -> None:
    assert "has not failed" in terminal.refusal("messages", "replay", 1)


def test_names_from_outside_do_not_steer_the_terminal(stored: RelayWorld, terminal: Terminal) -> None:
    with stored.services.database.write() as connection:
        accounts.rename(connection, 1, "Shop\x1b[2J\nmessage 9 sent")
    out = terminal.out("messages", "list")
    assert "\x1b" not in out
    assert len(out.splitlines()) == 4
