from __future__ import annotations

import re

import pytest

from app.storage import accounts, search
from tests.app.cli.conftest import Terminal
from tests.app.relay.deliveries import deliver, message, oddity
from tests.app.relay.world import RelayWorld, eventually


def last_line(terminal: Terminal, *words: object) -> str:
    return terminal.out("trace", *words).splitlines()[-1]


@pytest.fixture
def talked(relay: RelayWorld) -> RelayWorld:
    """A customer's message, an agent's answer, and HubSpot knows that it was sent."""
    relay.say("Hello")
    with relay.working():
        thread = eventually(relay.threads)[0]["id"]
        answer = relay.reply(thread, "Yes")
        eventually(lambda: relay.patches_of(answer))
    return relay


def rows(relay: RelayWorld) -> tuple[search.MessageRow, search.MessageRow]:
    """The customer's message and the agent's."""
    with relay.services.database.read() as connection:
        outbound, inbound = search.find_messages(connection, search.MessageFilter(), limit=2)
    return inbound, outbound


def test_the_whole_way_of_a_conversation(talked: RelayWorld, terminal: Terminal) -> None:
    inbound, outbound = rows(talked)
    steps = [line.split()[1] for line in terminal.out("trace", inbound.id).splitlines()[:-1]]
    assert steps == ["written", "received", "accepted", "attempt", "ended"]
    assert last_line(terminal, inbound.id) == f"Message {inbound.id} is sent."
    assert "told HubSpot ok sent" in terminal.out("trace", outbound.id)
    assert last_line(terminal, outbound.id) == f"Message {outbound.id} is sent, and HubSpot knows."


def test_every_id_of_either_side_leads_there(talked: RelayWorld, terminal: Terminal) -> None:
    inbound, outbound = rows(talked)
    seen = talked.customer_sees()
    thread = talked.threads()[0]["id"]
    for wanted in (inbound.hubspot_id, inbound.service_id, f"envelope:{inbound.envelope_id}", f"message:{inbound.id}"):
        assert [one["message"]["id"] for one in terminal.json("trace", wanted)["messages"]] == [inbound.id]
    for wanted in (outbound.hubspot_id, f"service:{seen[-1]['id']}", f"hubspot:{outbound.hubspot_id}"):
        assert [one["message"]["id"] for one in terminal.json("trace", wanted)["messages"]] == [outbound.id]
    for wanted in (inbound.thread_id, thread, "c1", f"thread:{thread}"):
        found = [one["message"]["id"] for one in terminal.json("trace", wanted)["messages"]]
        assert found == [inbound.id, outbound.id]


def test_an_id_with_several_meanings_names_the_others(relay: RelayWorld, terminal: Terminal) -> None:
    deliver(relay, message("m1"), message("1"))
    result = terminal.run("trace", "1")
    assert "Message 1 " in result.stdout
    assert "relay trace service:1" in result.stderr
    assert "relay trace envelope:1" in result.stderr
    assert "Message 2 " in terminal.out("trace", "service:1")


def test_an_envelope_that_became_no_message(relay: RelayWorld, terminal: Terminal) -> None:
    deliver(relay, oddity())
    assert "1 of its items wait unopened" in terminal.out("trace", "envelope:1")
    assert terminal.json("trace", "1")["envelope"]["unopened"] == 1


@pytest.mark.usefixtures("relay")
@pytest.mark.parametrize("wanted", ["7", "message:7", "envelope:7", "nobody", "9" * 40, "²", "message:"])
def test_an_unknown_id_is_told(terminal: Terminal, wanted: str) -> None:
    assert "Nothing here has the id" in terminal.refusal("trace", wanted)


def test_what_it_waits_for(relay: RelayWorld, terminal: Terminal) -> None:
    deliver(relay, message("m1"), message("m2"))
    assert re.search(r"Message 1 is next; its lane is due since \d+ s", last_line(terminal, 1))
    assert "Message 2 waits behind 1 earlier in its lane, first message 1" in last_line(terminal, 2)
    with relay.services.database.write() as connection:
        accounts.pause_side(connection, 1, accounts.Side.HUBSPOT, hint="HubSpot said no.")
    assert "HubSpot said no. `relay accounts resume 1`." in last_line(terminal, 1)
    terminal.run("accounts", "pause", 1)
    assert "An operator paused this account" in last_line(terminal, 1)
