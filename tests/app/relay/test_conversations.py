from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app.domain.conversation import Fact
from app.relay import accept
from app.simulator import seed
from app.simulator.server import SimulatorServer
from app.storage import conversations
from app.storage.tables import conversation_states, envelopes, threads, unopened
from tests.app.relay.world import CLIENT_SECRET, RelayWorld, outgoing, relay_world

PATH = "/webhooks/hubspot/events"


@pytest.fixture(autouse=True)
def _subscribed(relay_simulator: SimulatorServer) -> None:
    relay_simulator.world.switch(conversation_events=True)


def event(thread: str, kind: str = "conversation.propertyChange", **more: Any) -> dict[str, Any]:
    """An event as HubSpot tells it: the conversation was closed."""
    known = {"eventId": 7, "portalId": int(seed.PORTAL_ID), "objectId": int(thread), "occurredAt": 1_790_000_000_000}
    return {"subscriptionType": kind, "propertyName": "status", "propertyValue": "CLOSED", **known, **more}


def tell(relay: RelayWorld, *events: object) -> int:
    """Send one rightly signed array. Returns the status of the answer."""
    body = json.dumps(events).encode()
    return relay.ask("POST", PATH, body, relay.signed(body, path=PATH))[0]


def known(relay: RelayWorld) -> dict[Fact, str]:
    """What we know of the only conversation."""
    with relay.services.database.read() as connection:
        return {one.name: one.value for one in conversations.of_thread(connection, relay.rows()[0].thread_id)}


def test_pitfall_17_closing_and_what_else_happens_to_a_conversation_is_known_here(relay: RelayWorld) -> None:
    thread = relay.conversation()
    for path, body in (
        ("close", None),
        ("assign", {"agent": seed.AGENT_ID}),
        ("archive", None),
        ("unarchive", None),
        ("delete", None),
    ):
        relay.call("POST", f"/_sim/threads/{thread}/{path}", body or {})
        relay.wait_for_webhooks()
    assert known(relay) == {
        Fact.STATUS: "closed",
        Fact.ASSIGNED: seed.AGENT_ID,
        Fact.ARCHIVED: "false",
        Fact.DELETED: "",
    }
    assert relay.count(unopened) == 0


@pytest.mark.parametrize("policy", ["reopen", "new_thread"])
def test_what_a_customer_writes_after_the_closing_arrives(light_relay: RelayWorld, policy: str) -> None:
    relay = light_relay
    relay.world.switch(closed_thread_policy=policy)
    thread = relay.conversation()
    relay.call("POST", f"/_sim/threads/{thread}/close")
    relay.settle()
    relay.say("One more thing")
    relay.settle()
    assert {one["text"] for one in relay.inbox() if one["type"] == "MESSAGE"} == {"Hello?", "One more thing"}
    assert known(relay)[Fact.STATUS] == ("open" if policy == "reopen" else "closed")
    relay.reply(relay.threads()[0]["id"], "Yes?")
    relay.settle()
    assert relay.heard() == ["Yes?"]


def test_the_newest_counts_whatever_comes_last_or_twice(relay: RelayWorld) -> None:
    thread = relay.conversation()
    later = event(thread, propertyValue="OPEN", occurredAt=1_790_000_000_001)
    assert tell(relay, event(thread), later, event(thread)) == 204
    assert tell(relay, event(thread, attemptNumber=1)) == 204
    assert known(relay) == {Fact.STATUS: "open"}


def test_events_with_one_event_id_are_each_taken(relay: RelayWorld) -> None:
    thread = relay.conversation()
    tell(relay, event(thread), event(thread, propertyName="assignedTo", propertyValue="A-1"))
    assert known(relay) == {Fact.STATUS: "closed", Fact.ASSIGNED: "A-1"}


def test_an_event_that_is_faster_than_the_answer_to_our_publication_is_kept(relay: RelayWorld) -> None:
    """The id of a new conversation is told to its subscribers before it is told to us."""
    thread = relay.conversation()
    relay.execute(update(threads).values(hubspot_thread_id=None))
    tell(relay, event(thread))
    assert known(relay) == {}
    relay.say("The answer to this one tells the id")
    relay.settle()
    assert known(relay) == {Fact.STATUS: "closed"}


def test_a_conversation_that_hubspot_gave_another_id_is_known_by_the_former_one_too(relay: RelayWorld) -> None:
    relay.world.switch(closed_thread_policy="new_thread")
    former = relay.conversation()
    relay.call("POST", f"/_sim/threads/{former}/close")
    relay.say("Hello again")
    relay.settle()
    assert len(relay.threads()) == 2
    tell(relay, event(former, "conversation.deletion"))
    assert Fact.DELETED in known(relay)


def test_a_hundred_events_of_which_one_is_odd(relay: RelayWorld) -> None:
    thread = relay.conversation()
    strangers = [event(str(number)) for number in range(1, 99)]
    assert tell(relay, *strangers, {"subscriptionType": "conversation.dance"}, event(thread)) == 204
    assert known(relay) == {Fact.STATUS: "closed"}
    assert relay.count(unopened) == 1


def test_what_was_odd_is_opened_by_the_reader_of_events(light_relay: RelayWorld) -> None:
    relay = light_relay
    tell(relay, {"subscriptionType": "conversation.dance"})
    with relay.services.database.read() as connection:
        (envelope,) = connection.execute(envelopes.select()).all()
    again = accept.open_again(relay.services, envelope.id)
    assert again is not None
    assert (again.unopened, relay.count(unopened)) == (1, 1)


def test_other_portals_conversations_are_not_ours(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    tell(relay, event(thread, portalId=4_700_009))
    assert known(relay) == {}


def test_what_is_told_of_strangers_is_forgotten_after_a_while(relay: RelayWorld) -> None:
    thread = relay.conversation()
    tell(relay, event(thread), event("1"))
    assert relay.count(conversation_states) == 2
    with relay.services.database.write() as connection:
        assert conversations.forget_strangers(connection, age=60.0) == 0
        assert conversations.forget_strangers(connection, age=-60.0) == 1
    assert known(relay) == {Fact.STATUS: "closed"}


@pytest.mark.parametrize(("allowed", "answer"), [("", 401), ("v1", 204)])
def test_the_address_takes_older_signatures_only_where_they_are_switched_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    migrated_sqlite_url: str,
    relay_simulator: SimulatorServer,
    *,
    allowed: str,
    answer: int,
) -> None:
    place = (tmp_path, monkeypatch, migrated_sqlite_url)
    body = json.dumps([event("1")]).encode()
    v1 = hashlib.sha256(CLIENT_SECRET.encode() + body).hexdigest()
    headers = {"X-HubSpot-Signature": v1, "X-HubSpot-Signature-Version": "v1"}
    with relay_world(*place, shared=relay_simulator, migrated=True, hubspot_events_signature=allowed) as relay:
        assert relay.ask("POST", PATH, body, headers)[0] == answer
        assert relay.ask("POST", "/webhooks/hubspot", body, headers)[0] == 401
        assert relay.count(envelopes) == (answer == 204)


def test_no_channel_event_comes_in_by_the_address_of_events(light_relay: RelayWorld) -> None:
    relay = light_relay
    assert tell(relay, outgoing("Sneaked in")) == 204
    relay.settle()
    assert relay.rows("outbound") == []
    assert relay.count(unopened) == 1
