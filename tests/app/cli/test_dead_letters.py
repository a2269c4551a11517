from __future__ import annotations

import pytest

from tests.app.cli.conftest import Terminal
from tests.app.relay.deliveries import bury, dead_ids, refuse
from tests.app.relay.world import RelayWorld, eventually


@pytest.fixture
def dead(relay: RelayWorld) -> list[int]:
    """Two dead letters, in two conversations."""
    bury(relay, "m1", "m2")
    return dead_ids(relay)


@pytest.mark.usefixtures("relay")
def test_nothing_is_a_sentence(terminal: Terminal) -> None:
    assert terminal.out("dead-letters", "list") == "No message needs a person.\n"
    assert terminal.out("dead-letters", "replay", "--all") == "No message needs a person.\n"


def test_lists_what_needs_a_person(dead: list[int], terminal: Terminal) -> None:
    lines = terminal.json("dead-letters", "list")
    assert [line["message_id"] for line in lines] == dead
    assert {line["direction"] for line in lines} == {"inbound"}
    assert terminal.out("dead-letters", "list").count("inbound") == 2


def test_they_are_chosen(dead: list[int], terminal: Terminal) -> None:
    reason = terminal.json("dead-letters", "list")[0]["reason"]
    thread = terminal.json("messages", "show", dead[1])["thread_id"]
    for chosen, found in (
        (("--account", 1), dead),
        (("--account", 2), []),
        (("--reason", reason), dead),
        (("--reason", "opted_out"), []),
        (("--thread", thread), dead[1:]),
        (("--since", "1h"), dead),
        (("--until", "1h"), []),
    ):
        assert [one["message_id"] for one in terminal.json("dead-letters", "list", *chosen)] == found
        assert terminal.json("dead-letters", "replay", "--dry-run", *chosen)["messages"] == found


def test_a_dry_run_changes_nothing(dead: list[int], terminal: Terminal) -> None:
    assert "1 would be sent again" in terminal.out("dead-letters", "replay", dead[0], "--dry-run")
    assert "2 would be given up" in terminal.out("dead-letters", "drop", "--all", "--dry-run")
    assert len(terminal.json("dead-letters", "list")) == 2


def test_a_replay_arrives(relay: RelayWorld, dead: list[int], terminal: Terminal) -> None:
    assert terminal.json("dead-letters", "replay", "--all") == {"messages": dead, "dry_run": False}
    assert terminal.json("dead-letters", "list") == []
    with relay.working():
        eventually(lambda: [one["text"] for one in relay.inbox()].count("Hello") == 2)
    assert "an operator replayed it" in terminal.out("trace", dead[0])


def test_a_replay_that_fails_again_waits_again(relay: RelayWorld, dead: list[int], terminal: Terminal) -> None:
    refuse(relay)
    terminal.run("dead-letters", "replay", dead[0])
    with relay.working():
        eventually(lambda: len(dead_ids(relay)) == 2)
    assert "`relay dead-letters replay" in terminal.out("trace", dead[0])


def test_what_is_dropped_stays_failed(dead: list[int], terminal: Terminal) -> None:
    assert terminal.out("dead-letters", "drop", dead[0]) == f"1 given up: {dead[0]}.\n"
    assert [one["message_id"] for one in terminal.json("dead-letters", "list")] == dead[1:]
    assert terminal.json("messages", "show", dead[0])["status"] == "failed"
    assert "An operator dropped it" in terminal.out("trace", dead[0])


@pytest.mark.parametrize("verb", ["replay", "drop"])
def test_which_ones_has_to_be_said(dead: list[int], terminal: Terminal, verb: str) -> None:
    for words in ((), (dead[0], "--all"), ("--all", "--account", 1), (dead[0], "--account", 1)):
        assert "Name messages" in terminal.refusal("dead-letters", verb, *words, status=2)
    assert "Message 99 is no dead letter" in terminal.refusal("dead-letters", verb, dead[0], 99)
    assert len(terminal.json("dead-letters", "list")) == 2


def test_a_held_lane_goes_on(relay: RelayWorld, terminal: Terminal) -> None:
    with relay.services.database.write() as connection:
        connection.exec_driver_sql("UPDATE accounts SET dead_letters = 'hold'")
    bury(relay, "m1")
    [line] = terminal.json("dead-letters", "list")
    assert line["holds_lane"]
    relay.say("Next", conversation="of m1")
    assert "waits behind dead letter" in terminal.out("trace", eventually(lambda: second_message(terminal)))
    terminal.run("dead-letters", "drop", line["message_id"])
    with relay.working():
        eventually(lambda: [one["text"] for one in relay.inbox()] == ["Next"])


def second_message(terminal: Terminal) -> int:
    lines = terminal.json("messages", "list", "--status", "pending")
    return int(lines[0]["id"]) if lines else 0
