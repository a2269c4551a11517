"""Whom an agent's message reaches: after merges, changes of channel, and with ids of HubSpot's own making."""

from __future__ import annotations

from typing import Any

import pytest

from app.simulator import seed
from app.storage.tables import threads as thread_table
from tests.app.relay.crm import BY_EMAIL, BY_PHONE, EMAIL, PHONE
from tests.app.relay.world import RelayWorld, outgoing

PHONE_TYPE, EMAIL_TYPE = "HS_PHONE_NUMBER", "HS_EMAIL_ADDRESS"


def to(value: str, kind: str = "CHANNEL_SPECIFIC_OPAQUE_ID", **more: Any) -> dict[str, Any]:
    """An agent's message to an address, in a conversation that began elsewhere."""
    recipients = [{"actorId": "V-1", "deliveryIdentifier": {"type": kind, "value": value}}]
    return outgoing("From an agent", recipients=recipients, **more)


def thread_of(relay: RelayWorld, conversation: str) -> str:
    """Let a customer write, and return HubSpot's id of the thread."""
    relay.say(f"I am {conversation}", conversation)
    relay.settle()
    return place_of(relay, f"I am {conversation}")


def place_of(relay: RelayWorld, text: str) -> str:
    """HubSpot's id of the thread that a text is in."""
    return next(str(one["conversationsThreadId"]) for one in relay.inbox() if one.get("text") == text)


def heard(relay: RelayWorld, conversation: str) -> list[str]:
    return [one["text"] for one in relay.customer_sees(conversation) if not one["mine"]]


def sent(relay: RelayWorld, event: dict[str, Any]) -> Any:
    """Send an event and work it off; returns the stored message."""
    assert relay.from_hubspot(event) < 300
    relay.settle()
    return relay.rows("outbound")[-1]


# Merged threads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "model"),
    [
        ("all", "INTEGRATION_THREAD_ID"),
        ("newest", "INTEGRATION_THREAD_ID"),
        ("none", "INTEGRATION_THREAD_ID"),
        ("all", "DELIVERY_IDENTIFIER"),
    ],
)
def test_in_a_merged_thread_the_recipient_decides_and_both_conversations_go_on(
    light_relay: RelayWorld, told: str, model: str
) -> None:
    relay = light_relay
    thread_by(relay, model)
    relay.world.switch(merged_thread_ids=told)
    gone, stays = thread_of(relay, "c1"), thread_of(relay, "c2")
    relay.call("POST", f"/_sim/threads/{gone}/merge", {"into": stays})
    for last in ("c1", "c2", "c1"):
        relay.say(f"{last} again", last)
        relay.settle()
        relay.reply(stays, f"to {last}")
        relay.settle()
    assert (heard(relay, "c1"), heard(relay, "c2")) == (["to c1", "to c1"], ["to c2"])
    assert [one["id"] for one in relay.threads()] == [stays]


# Pitfall 8: a new thread for each message ----------------------------------------------------------------------------


def test_pitfall_8_thread_ids_are_long_and_not_numeric(light_relay: RelayWorld) -> None:
    light_relay.world.switch(short_thread_ids_split=True)
    assert thread_of(light_relay, "7108942231") == thread_of(light_relay, "7108942231")
    [thread] = light_relay.threads()
    [integration_id] = thread["integrationThreadIds"]
    assert len(integration_id) == 36


@pytest.mark.parametrize(
    ("policy", "model"),
    [
        ("reopen", "INTEGRATION_THREAD_ID"),
        ("new_thread", "INTEGRATION_THREAD_ID"),
        ("new_thread", "DELIVERY_IDENTIFIER"),
    ],
)
def test_after_a_closed_thread_the_newest_one_counts(light_relay: RelayWorld, policy: str, model: str) -> None:
    relay = light_relay
    thread_by(relay, model)
    relay.world.switch(closed_thread_policy=policy)
    closed = thread_of(relay, "c1")
    relay.call("POST", f"/_sim/threads/{closed}/close")
    relay.say("Back again")
    relay.settle()
    newest = place_of(relay, "Back again")
    assert (newest == closed) is (policy == "reopen")
    relay.reply(newest, "Welcome back")
    relay.settle()
    assert relay.heard() == ["Welcome back"]
    with relay.services.database.read() as connection:
        assert connection.execute(thread_table.select()).one().hubspot_thread_id == newest


# Pitfall 27: whether a thread id is sent ------------------------------------------------------------------------------


def thread_by(relay: RelayWorld, model: str) -> None:
    """Choose the model on both sides."""
    relay.world.hubspot.channels[seed.CHANNEL_ID].capabilities["threadingModel"] = model
    chosen = "identifier" if model == "DELIVERY_IDENTIFIER" else "thread_id"
    object.__setattr__(relay.services.settings, "channel_threading", chosen)


@pytest.fixture
def by_identifier(light_relay: RelayWorld) -> RelayWorld:
    thread_by(light_relay, "DELIVERY_IDENTIFIER")
    return light_relay


def test_pitfall_27_our_thread_id_is_always_sent(light_relay: RelayWorld) -> None:
    thread_of(light_relay, "c1")
    with light_relay.services.database.read() as connection:
        ours = connection.execute(thread_table.select()).one().id
    assert light_relay.threads()[0]["integrationThreadIds"] == [ours]


@pytest.mark.parametrize("answer", ["ignore", "400"])
def test_where_identifiers_make_threads_only_hubspots_own_ids_are_sent(by_identifier: RelayWorld, answer: str) -> None:
    relay = by_identifier
    relay.world.switch(foreign_thread_id=answer)
    thread = thread_of(relay, "c1")
    relay.reply(thread, "Hello")
    relay.settle()
    assert thread_of(relay, "c1") == thread
    assert thread_of(relay, "c2") != thread
    assert relay.heard() == ["Hello"]


def test_an_id_that_hubspot_does_not_know_any_more_holds_no_message_up(by_identifier: RelayWorld) -> None:
    relay = by_identifier
    relay.world.switch(foreign_thread_id="400")
    thread = thread_of(relay, "c1")
    relay.reply(thread, "Hello")
    relay.settle()
    relay.world.hubspot.threads[thread].integration_ids.clear()
    relay.say("Still there?")
    relay.settle()
    assert relay.texts()[-1] == "Still there?"


# Pitfall 14: conversations that began elsewhere ----------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [True, False])
def test_pitfall_14_an_agent_who_changes_to_this_channel_is_heard_whatever_the_channel_allows(
    light_relay: RelayWorld, *, allowed: bool
) -> None:
    relay = light_relay
    object.__setattr__(relay.services.settings, "channel_conversation_start", allowed)
    relay.world.hubspot.channels[seed.CHANNEL_ID].capabilities["allowConversationStart"] = allowed
    thread_of(relay, "c1")
    sent(relay, to("u-c1", conversationsThreadId="1002-elsewhere"))
    assert relay.heard() == ["From an agent"]


@pytest.mark.parametrize(("vouched", "value", "kind"), [(BY_PHONE, PHONE, PHONE_TYPE), (BY_EMAIL, EMAIL, EMAIL_TYPE)])
def test_an_address_that_the_service_vouches_for_finds_its_one_customer(
    light_relay: RelayWorld, vouched: object, value: str, kind: str
) -> None:
    relay = light_relay
    relay.say("Hello?", vouched=vouched)
    relay.settle()
    spelt = value.upper() if kind == EMAIL_TYPE else f"{value[:3]} ({value[3:6]}) {value[6:]}"
    assert sent(relay, to(spelt, kind, conversationsThreadId="elsewhere")).status == "sent"
    assert relay.heard() == ["From an agent"]


def test_of_two_customers_with_one_address_none_is_written_to(light_relay: RelayWorld) -> None:
    relay = light_relay
    for conversation in ("c1", "c2"):
        relay.say("Hello?", conversation, vouched=BY_EMAIL)
        relay.settle()
    assert sent(relay, to(EMAIL, EMAIL_TYPE, conversationsThreadId="elsewhere")).status == "failed"
    assert heard(relay, "c1") == heard(relay, "c2") == []


def test_an_address_that_the_service_has_opens_a_conversation(light_relay: RelayWorld) -> None:
    light_relay.call("POST", "/_sim/loopback/conversations", {"account": "demo", "conversation": PHONE})
    sent(light_relay, to(PHONE, PHONE_TYPE))
    assert heard(light_relay, PHONE) == ["From an agent"]


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [(EMAIL, EMAIL_TYPE, "by an e-mail address"), ("12345", "HS_SHORT_CODE", "by a short code")],
)
def test_an_address_that_the_service_does_not_have_fails_with_a_sentence(
    light_relay: RelayWorld, value: str, kind: str, words: str
) -> None:
    message = sent(light_relay, to(value, kind))
    assert (message.status, message.reason) == ("failed", "other_address")
    assert words in message.hint
    assert "write by Loopback first" in message.hint


def test_a_message_to_nobody_fails_with_a_sentence(light_relay: RelayWorld) -> None:
    message = sent(light_relay, outgoing("To whom?", recipients=[]))
    assert (message.status, message.reason) == ("failed", "no_recipient")


def test_who_could_not_be_reached_is_reached_once_the_service_vouches(light_relay: RelayWorld) -> None:
    relay = light_relay
    assert sent(relay, to(EMAIL, EMAIL_TYPE)).status == "failed"
    relay.say("Hello?", vouched=BY_EMAIL)
    relay.settle()
    assert sent(relay, to(EMAIL, EMAIL_TYPE, message_id="msg-2")).status == "sent"


def test_another_customer_in_the_same_conversation_of_hubspots_is_somebody_else(light_relay: RelayWorld) -> None:
    relay = light_relay
    for conversation in ("c1", "c2"):
        thread_of(relay, conversation)
    for value, message_id in (("u-c1", "msg-1"), ("u-c2", "msg-2")):
        sent(relay, to(value, message_id=message_id, conversationsThreadId="elsewhere"))
    assert heard(relay, "c1") == heard(relay, "c2") == ["From an agent"]
