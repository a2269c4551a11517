from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.account import RunState
from app.domain.conversation import Fact
from app.domain.status import Status
from app.relay.trace import hops, where_now
from app.storage import trace
from app.storage.breakers import Breaker, Key, Scope
from app.storage.conversations import State
from app.storage.statuses import StatusRow
from app.storage.trace import DeadLetterState, Facts, MediaState
from tests.app.relay.deliveries import deliver, message, work
from tests.app.relay.world import RelayWorld


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


FAILING = Breaker(Key(Scope.HUBSPOT, 1), hint="HubSpot answered 503.", is_open=True, probe_in=7.0)


def read(relay: RelayWorld, message_id: int = 1) -> Facts:
    with relay.services.database.read() as connection:
        facts = trace.read(connection, message_id)
    assert facts is not None
    return facts


@pytest.fixture
def facts(relay: RelayWorld) -> Facts:
    """A customer's message that has just come."""
    deliver(relay, message("m1"))
    return read(relay)


def with_lane(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, lane=replace(facts.lane, **changes))


def with_message(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, message=replace(facts.message, **changes))


def attachment(state: str, **changes: Any) -> MediaState:
    known: dict[str, Any] = {"position": 0, "attempts": 1, "mime": "image/png", "size": 9, "hint": ""}
    known |= {"hubspot_file_id": None, "stored_id": 5, "reused": False, "late": False}
    return MediaState(**{**known, "created_at": 10.0, "finished_at": None, **changes}, state=state)


def test_what_a_message_can_wait_for(facts: Facts) -> None:
    paused = replace(facts.account, hubspot_state=RunState.PAUSED, hubspot_hint="Switch it on")
    portal = replace(facts.portal, state=RunState.PAUSED, hint="Install the app again.") if facts.portal else None
    for changed, words in (
        (with_lane(facts, due_in=-3.0, rung_in=2.0), "is next; its lane is due since 3 s, a worker was rung for it."),
        (with_lane(facts, rung_in=None), "does the scheduler run?"),
        (with_lane(facts, due_in=None), "is not due"),
        (with_message(with_lane(facts, due_in=30.0), hint="HubSpot is slow."), "is due in 30 s. HubSpot is slow."),
        (with_lane(facts, due_in=1.0, slot_in=1.0), "has its turn in the rate limit in 1 s."),
        (with_lane(facts, owner="w:1", lease_in=50.0), "which w:1 drains now (for at most 50 s)"),
        (replace(facts, media=(attachment("pending"),)), "waits for 1 of its attachments"),
        (with_message(facts, not_before=facts.now + 9, attempts=2), "is tried again in 9 s, attempt 3."),
        (with_lane(facts, ahead=2, head_id=5), "waits behind 2 earlier in its lane, first message 5"),
        (with_lane(facts, held_by=4), "waits behind dead letter 4"),
        (replace(facts, account=paused), "account 1 is paused. Switch it on. `relay accounts resume 1`."),
        (replace(facts, portal=portal), "is paused. Install the app again. `relay portals resume 4700001`."),
        (replace(facts, breaker=FAILING), "calls to HubSpot fail for all of account 1; one message tries again in 7 s"),
        (with_message(with_lane(facts, owner="w:1", lease_in=9.0), is_called=True), "is being sent by w:1"),
        (with_message(with_lane(facts, owner="w:1", lease_in=-9.0), is_called=True), "its worker fell silent"),
    ):
        assert words in where_now(changed)


def test_a_paused_service_does_not_hold_what_goes_to_hubspot(facts: Facts) -> None:
    account = replace(facts.account, service_state=RunState.PAUSED, service_hint="Token revoked.")
    assert "is next" in where_now(replace(facts, account=account))


def test_where_a_message_ended(facts: Facts) -> None:
    sent = with_message(facts, status=Status.READ)
    failed = with_message(facts, status=Status.FAILED, hint="The customer is gone.")
    known = StatusRow(Status.READ, Status.READ, "", 5.0)
    behind = StatusRow(Status.READ, Status.SENT, "", 5.0)
    for changed, words in (
        (sent, "Message 1 is sent and read."),
        (replace(sent, told=known), "and HubSpot knows."),
        (replace(sent, told=behind), "HubSpot has still to be told"),
        (failed, "Message 1 is failed."),
        (
            replace(failed, dead_letter=DeadLetterState(1.0, None)),
            "The customer is gone. `relay dead-letters replay 1`",
        ),
        (replace(failed, dead_letter=DeadLetterState(1.0, 2.0)), "An operator dropped it."),
        (with_message(facts, status=Status.CANCELLED), "Message 1 is cancelled."),
    ):
        assert words in where_now(changed)


def test_hops_of_attachments(facts: Facts) -> None:
    done = attachment("ready", finished_at=12.0, attempts=2)
    gone = attachment("failed", position=1, finished_at=11.0, hint="It was too large.")
    known = attachment("ready", position=2, finished_at=13.0, hubspot_file_id="77", stored_id=None, reused=True)
    over = attachment("ready", position=3, finished_at=14.0, stored_id=None, late=True)
    found = (done, gone, known, over)
    told = [(hop.at, hop.text) for hop in hops(replace(facts, media=found)) if hop.step == "media"]
    assert told == [
        (10.0, "attachment 1 is to be fetched"),
        (10.0, "attachment 2 is to be fetched"),
        (10.0, "attachment 3 is to be fetched"),
        (10.0, "attachment 4 is to be fetched, and follows its message"),
        (11.0, "attachment 2 failed: It was too large."),
        (12.0, "attachment 1 ready at attempt 2: image/png, 9 bytes, stored as 5"),
        (13.0, "attachment 3 ready: image/png, 9 bytes, HubSpot's file 77, which was there already"),
        (14.0, "attachment 4 ready: image/png, 9 bytes, deleted since"),
    ]


def test_hops_of_a_whole_conversation(relay: RelayWorld) -> None:
    deliver(relay, message("m1"))
    work(relay)
    facts = read(relay)
    told = {hop.step: hop.text for hop in hops(facts)}
    assert told["received"] == "envelope 1 from loopback"
    assert told["accepted"].startswith("inbound message in lane 1 (inbound c1), thread ")
    assert told["attempt"].startswith("1: publish ok after 0.")
    assert told["ended"] == f"sent, HubSpot's message {facts.message.hubspot_id}"


def test_what_happened_to_the_conversation_is_part_of_the_story(facts: Facts) -> None:
    told = [
        (Fact.STATUS, "closed", "closed in HubSpot"),
        (Fact.STATUS, "open", "opened in HubSpot"),
        (Fact.ASSIGNED, "A-1", "assigned to A-1 in HubSpot"),
        (Fact.ASSIGNED, "", "assigned to nobody in HubSpot"),
        (Fact.ARCHIVED, "true", "archived in HubSpot"),
        (Fact.ARCHIVED, "false", "taken out of the archive in HubSpot"),
        (Fact.DELETED, "", "deleted in HubSpot"),
    ]
    for fact, value, words in told:
        state = State(1, "77", fact, value, facts.now + 5)
        assert hops(replace(facts, conversation=(state,)))[-1].text == words


def test_what_our_own_side_wrote_is_not_the_customers(facts: Facts) -> None:
    assert "by the customer" in [hop.text for hop in hops(facts)]
    assert "by a colleague, or us, at the service" in [hop.text for hop in hops(with_message(facts, own=True))]
