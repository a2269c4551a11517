from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.storage.clock import now
from app.storage.tables import lanes, messages
from tests.app.relay.deliveries import deliver, message
from tests.app.relay.world import RelayWorld, eventually, outgoing


def answer(relay: RelayWorld, text: str, **more: str) -> Any:
    """A colleague answers in the messenger's own app."""
    body = {"account": "demo", "conversation": "c1", "text": text, "colleague": "Robin", **more}
    return relay.call("POST", "/_sim/loopback/answer", body)


def own(id_: str, text: str, **more: Any) -> dict[str, Any]:
    """An event about what was written on our side."""
    return message(id_, text, own=True, sender={"id": "robin", "name": "Robin"}, **more)


def directions(relay: RelayWorld) -> list[tuple[str, str]]:
    ordered = sorted(relay.inbox(), key=lambda one: one["receivedAt"])
    return [(one["direction"], one["text"]) for one in ordered]


# A colleague's answer ------------------------------------------------------------------------------------------------


def test_a_colleagues_answer_is_published_as_outgoing(relay: RelayWorld) -> None:
    thread = relay.conversation()
    answer(relay, "Robin here: it left today.")
    relay.settle()
    assert directions(relay) == [("INCOMING", "Hello?"), ("OUTGOING", "Robin here: it left today.")]
    with relay.world.lock:
        published = relay.world.hubspot.threads[thread].messages[-1]
    (sender,), (recipient,) = published.senders, published.recipients
    assert (sender.identifier, sender.name) == (
        relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].identifier,
        "Robin",
    )
    assert recipient.identifier is not None
    assert (recipient.identifier.value, recipient.name) == ("u-c1", "Dana")
    assert relay.heard() == ["Robin here: it left today."]


def test_a_conversation_that_a_colleague_begins_belongs_to_the_customer(light_relay: RelayWorld) -> None:
    relay = light_relay
    answer(relay, "Your parcel is here.", name="Dana")
    relay.settle()
    assert directions(relay) == [("OUTGOING", "Your parcel is here.")]
    relay.reply(relay.threads()[0]["id"], "Until six.")
    relay.settle()
    assert relay.heard() == ["Your parcel is here.", "Until six."]


def test_what_a_colleague_writes_leaves_the_customers_name(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.conversation()
    deliver(relay, own("r1", "No customer is named here."))
    relay.settle()
    relay.say("Thanks")
    relay.settle()
    assert [one.customer_name for one in relay.world.hubspot.threads.values()] == ["Dana"]


# Our own messages, from the service ----------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
def test_our_own_message_that_the_service_shows_us_is_dropped(relay: RelayWorld, when: str) -> None:
    relay.world.switch(loopback_echo=when)
    thread = relay.conversation()
    relay.reply(thread, "From the agent")
    relay.settle()
    eventually(lambda: len(relay.world.delivery.attempts(api=Api.LOOPBACK)) == 2)
    relay.settle()
    assert directions(relay) == [("INCOMING", "Hello?"), ("OUTGOING", "From the agent")]
    assert relay.heard() == ["From the agent"]
    assert {row.reason for row in relay.rows() if row.own} <= {"echo"}


def test_an_echo_whose_id_is_known_already_is_not_even_stored(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.answered("From the agent")
    deliver(relay, own(relay.customer_sees()[-1]["id"], "From the agent"), id_="d2")
    assert [row for row in relay.rows() if row.own] == []


def test_an_event_waits_while_a_call_is_under_way_in_its_thread(relay: RelayWorld) -> None:
    relay.conversation()
    relay.from_hubspot(outgoing("From the agent"))
    relay.execute(update(messages).where(messages.c.direction == "outbound").values(calling="x"))
    _own_lane(relay, lasting=30.0)
    deliver(relay, own("r1", "From the app"), id_="d2")
    relay.work_once()
    assert [row.status for row in relay.rows() if row.own] == ["pending"]
    relay.pass_time(relay.services.settings.lease)
    relay.settle()
    assert ("OUTGOING", "From the app") in directions(relay)


def test_what_a_colleague_writes_elsewhere_waits_for_nobody(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.conversation()
    relay.from_hubspot(outgoing("From the agent"))
    relay.execute(update(messages).where(messages.c.direction == "outbound").values(calling="x"))
    _own_lane(relay, lasting=30.0)
    deliver(relay, own("r1", "In another place", conversation="c2"), id_="d2")
    relay.settle()
    assert ("OUTGOING", "In another place") in directions(relay)


def _own_lane(relay: RelayWorld, *, lasting: float) -> None:
    """Let a worker hold the outbound lane."""
    relay.execute(update(lanes).where(lanes.c.kind == "outbound").values(owner="w", lease=now() + lasting, due=None))


def test_a_lost_answer_is_made_up_for_by_the_echo_and_the_customer_hears_it_once(relay: RelayWorld) -> None:
    """By text and time, because no answer told the id; another try would write the message a second time."""
    relay.world.switch(loopback_echo="before")
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.RESET_AFTER, path="/v1/messages")
    sent = relay.reply(thread, "From  the agent")
    relay.settle()
    assert relay.heard() == ["From  the agent"]
    assert relay.rows("outbound")[0].status == "sent"
    assert relay.rows("outbound")[0].attempts == 1
    assert relay.status_of(sent) == ("SENT", "")
    assert len(directions(relay)) == 2
    relay.report("read")
    relay.settle()
    assert relay.status_of(sent)[0] == "READ"


def test_another_text_after_a_lost_answer_is_a_colleagues(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.RESET_AFTER, path="/v1/messages")
    relay.reply(thread, "From the agent")
    relay.settle()
    answer(relay, "From Robin")
    relay.settle()
    assert ("OUTGOING", "From Robin") in directions(relay)
    assert relay.rows("outbound")[0].status == "pending"


def test_the_same_text_much_later_is_a_colleagues(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.RESET_AFTER, path="/v1/messages")
    relay.reply(thread, "Yes.")
    relay.settle()
    deliver(relay, own("r1", "Yes.", time="2031-01-01T00:00:00Z"), id_="d2")
    relay.settle()
    assert [one for one in directions(relay) if one == ("OUTGOING", "Yes.")] == [("OUTGOING", "Yes.")] * 2


# What we published ourselves, from HubSpot ---------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False], ids=["with the app's id", "without it"])
def test_our_own_publication_that_hubspot_tells_us_of_never_reaches_the_customer(
    relay: RelayWorld, *, named: bool
) -> None:
    """HubSpot's event is there before the answer to our call."""
    relay.world.switch(echo_outgoing=True, webhook_client=named)
    relay.conversation()
    answer(relay, "From Robin")
    relay.settle()
    relay.settle()
    assert relay.heard() == ["From Robin"]
    assert directions(relay) == [("INCOMING", "Hello?"), ("OUTGOING", "From Robin")]
    assert [row.reason for row in relay.rows("outbound")] == ([] if named else ["echo"])


def test_a_publication_whose_answer_told_no_id_is_known_by_its_text(relay: RelayWorld) -> None:
    """The answer was lost, and HubSpot answers the repetition with a bare conflict."""
    relay.world.switch(echo_outgoing=True, webhook_client=False, duplicate_policy="conflict")
    relay.conversation()
    relay.fault(Api.HUBSPOT, FaultKind.RESET_AFTER, path="/messages$")
    answer(relay, "From Robin")
    relay.settle()
    relay.pass_time(3)
    relay.settle()
    assert relay.heard() == ["From Robin"]
    assert len(directions(relay)) == 2


def test_an_agents_answer_with_the_same_words_is_sent(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.world.switch(echo_outgoing=True)
    thread = relay.conversation()
    answer(relay, "Yes.")
    relay.settle()
    relay.reply(thread, "Yes.")
    relay.settle()
    assert relay.heard() == ["Yes.", "Yes."]
