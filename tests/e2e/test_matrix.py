"""A real Matrix homeserver on one side, the simulated inbox on the other, the relay's real processes between."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from app.bench.servers.process import free_port
from app.relay import accounts as account_use
from app.simulator import seed
from tests.e2e.processes import People, eventually, running_demo
from tests.servers.presence import Server, require
from tests.servers.synapse import SERVER_NAME, ConnectedSynapse, Person

pytestmark = [pytest.mark.synapse, pytest.mark.long, pytest.mark.timeout(180)]

#: HubSpot's id of the Matrix account.
ACCOUNT = "2003"
BOT = f"@relaybot:{SERVER_NAME}"


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    require(Server.SYNAPSE)
    with running_demo(monkeypatch) as found:
        yield found


@pytest.fixture
def homeserver(people: People) -> Iterator[ConnectedSynapse]:
    server = ConnectedSynapse(port=free_port())
    server.registration = _connect(people, server.url)
    with server:
        yield server


def _connect(people: People, homeserver_url: str) -> str:
    """Connect a Matrix account as an administrator would, and return the homeserver's registration file."""
    people.call("POST", "/_sim/channel-accounts", {"id": ACCOUNT, "name": "Matrix"})
    wanted = account_use.Wanted(
        connector="matrix",
        portal_id=int(seed.PORTAL_ID),
        channel_id=seed.CHANNEL_ID,
        hubspot_id=ACCOUNT,
        name="Matrix",
        credentials={"homeserver_url": homeserver_url, "server_name": SERVER_NAME},
    )
    added = account_use.add(people.demo.services, wanted, test=False, register=False)
    assert added.registration is not None
    return added.registration


def test_a_conversation_with_somebody_at_a_real_homeserver(people: People, homeserver: ConnectedSynapse) -> None:
    alice = homeserver.register("alice")
    room = alice.create_room(BOT)
    alice.write(room, "Is my order on its way?")
    thread = eventually(lambda: _thread(people), what="the room's first message")
    eventually(lambda: people.arrived_in(thread) == ["Is my order on its way?"], what="its text")

    answer = people.reply(thread, "Yes, it left this morning.")
    event = alice.wait_for_text(room, "Yes, it left this morning.", seconds=20)
    assert event["sender"] == BOT
    eventually(lambda: _status(people, thread, answer) == "SENT", what="SENT")

    alice.call("POST", f"/rooms/{room}/receipt/m.read/{event['event_id']}", json={})
    eventually(lambda: _status(people, thread, answer) == "READ", what="READ")

    _through_an_outage(people, homeserver, alice, room=room, thread=thread)


def _through_an_outage(people: People, homeserver: ConnectedSynapse, alice: Person, *, room: str, thread: str) -> None:
    """Ten seconds without the homeserver lose nothing, in either direction."""
    homeserver.stop()
    answers = [f"answer {number}" for number in range(3)]
    for text in answers:
        people.reply(thread, text)
        people.wait_for_webhooks()
    time.sleep(10)
    homeserver.start()
    alice.write(room, "I was away")
    for text in answers:
        alice.wait_for_text(room, text, seconds=40)
    said = [one["content"].get("body") for one in alice.read(room) if one["sender"] == BOT]
    assert [text for text in said if text in answers] == answers
    eventually(lambda: people.arrived_in(thread)[-1] == "I was away", within=40, what="the customer's next message")


def _thread(people: People) -> str | None:
    found = [one["id"] for one in people.call("GET", "/_sim/threads") if one["accountId"] == ACCOUNT]
    return found[0] if found else None


def _status(people: People, thread: str, message_id: str) -> str:
    for one in people.agent_sees(thread):
        if one["id"] == message_id and one["statusPatches"]:
            return str(one["statusType"])
    return ""
