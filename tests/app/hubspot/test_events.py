from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.conversation import Fact
from app.domain.message import Unopened
from app.domain.webhook import RawRequest
from app.hubspot.app_project import SUBSCRIPTIONS
from app.hubspot.events import ENDS, PROPERTIES, ConversationEvent, Event, PassedOver, read_conversation_events

CLOSED = {
    "eventId": 1,
    "subscriptionId": 12,
    "portalId": 4700001,
    "appId": 99,
    "occurredAt": 1_790_000_000_123,
    "subscriptionType": "conversation.propertyChange",
    "propertyName": "status",
    "propertyValue": "CLOSED",
    "attemptNumber": 0,
    "objectId": 8112345678,
}


def read(*items: object, **headers: str) -> list[Event]:
    return read_conversation_events(RawRequest("POST", "", headers=headers, body=json.dumps(items).encode()))


def fact(**changes: Any) -> ConversationEvent:
    [event] = read({**CLOSED, **changes})
    assert isinstance(event, ConversationEvent), event
    return event


def test_pitfall_17_a_closed_conversation_is_told_by_a_subscription() -> None:
    at = datetime(2026, 9, 21, 14, 13, 20, 123_000, UTC)
    assert fact() == ConversationEvent(4700001, "8112345678", Fact.STATUS, "closed", at)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"propertyValue": "OPEN"}, (Fact.STATUS, "open")),
        ({"propertyName": "assignedTo", "propertyValue": "A-1"}, (Fact.ASSIGNED, "A-1")),
        ({"propertyName": "assignedTo", "propertyValue": None}, (Fact.ASSIGNED, "")),
        ({"propertyName": "isArchived", "propertyValue": "TRUE"}, (Fact.ARCHIVED, "true")),
        ({"propertyName": "isArchived", "propertyValue": False}, (Fact.ARCHIVED, "false")),
        ({"subscriptionType": "conversation.deletion"}, (Fact.DELETED, "closed")),
        ({"subscriptionType": "conversation.privacyDeletion"}, (Fact.ERASED, "closed")),
        ({"portalId": "4700001", "objectId": "8112345678"}, (Fact.STATUS, "closed")),
    ],
)
def test_what_each_event_says(changes: dict[str, Any], expected: tuple[Fact, str]) -> None:
    event = fact(**changes)
    assert (event.fact, event.value) == expected
    assert (event.portal_id, event.thread_id) == (4700001, "8112345678")


@pytest.mark.parametrize(
    "changes",
    [
        {"subscriptionType": "conversation.newMessage", "messageId": "m", "messageType": "MESSAGE"},
        {"subscriptionType": "conversation.creation"},
        {"propertyName": "priority"},
    ],
)
def test_what_says_nothing_to_us_is_passed_over(changes: dict[str, Any]) -> None:
    assert read({**CLOSED, **changes}) == [PassedOver()]


@pytest.mark.parametrize(
    "odd",
    [
        "a text",
        None,
        [],
        {},
        {**CLOSED, "subscriptionType": "contact.creation"},
        {**CLOSED, "portalId": "x"},
        {**CLOSED, "portalId": 2**70},
        {**CLOSED, "objectId": None},
        {**CLOSED, "objectId": {"id": 1}},
        {**CLOSED, "propertyValue": "x" * 300},
        {**CLOSED, "occurredAt": None},
    ],
)
def test_one_odd_event_never_takes_its_neighbours_with_it(odd: object) -> None:
    before, between, after = read(CLOSED, odd, CLOSED)
    assert isinstance(between, Unopened)
    assert isinstance(before, ConversationEvent)
    assert before == after


def test_an_event_without_a_time_has_that_of_its_signature() -> None:
    [event] = read({**CLOSED, "occurredAt": None}, **{"x-hubspot-request-timestamp": "1790000000123"})
    assert event == fact()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_cannot_be_read_is_kept(body: bytes) -> None:
    [event] = read_conversation_events(RawRequest("POST", "", body=body))
    assert isinstance(event, Unopened)


def test_what_is_subscribed_to_is_understood() -> None:
    subscribed = {name or kind for kind, name in SUBSCRIPTIONS}
    assert subscribed == {*PROPERTIES, *ENDS}
