"""The app's conversation subscriptions: arrays of up to a hundred events, read into our words.

They come for every conversation of a portal, whatever its channel. One odd event never takes its neighbours with it.
``eventId`` is documented as not unique, so that nothing here depends on it.

https://developers.hubspot.com/docs/api-reference/webhooks-webhooks-v3/guide
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, ValidationError

from app.domain.conversation import Fact
from app.domain.message import Unopened
from app.domain.webhook import RawRequest
from app.hubspot.payloads import Id, Moment, Payload, Text, read_moment, read_text
from app.hubspot.signature import TIMESTAMP_HEADER
from app.hubspot.wire import read_body, reason_of

PROPERTY_CHANGE: Final = "conversation.propertyChange"

#: Properties that are kept; a change of any other is passed over.
PROPERTIES: Final[Mapping[str, Fact]] = {
    "status": Fact.STATUS,
    "assignedTo": Fact.ASSIGNED,
    "isArchived": Fact.ARCHIVED,
}
ENDS: Final[Mapping[str, Fact]] = {
    "conversation.deletion": Fact.DELETED,
    "conversation.privacyDeletion": Fact.ERASED,
}
#: What may be subscribed to and says nothing that the relay does not hear elsewhere.
PASSED_OVER: Final = frozenset({"conversation.creation", "conversation.newMessage"})


@dataclass(frozen=True)
class ConversationEvent:
    """Something happened to a conversation, known by HubSpot's id of its thread. ``value``: see ``Fact``."""

    portal_id: int
    thread_id: str
    fact: Fact
    value: str
    at: datetime


@dataclass(frozen=True)
class PassedOver:
    """An event that is understood and changes nothing here."""


Event = ConversationEvent | PassedOver | Unopened


def read_conversation_events(raw: RawRequest) -> list[Event]:
    """Read a verified request. Pure; never raises."""
    body = read_body(raw)
    if isinstance(body, Unopened):
        return [body]
    received = read_moment(raw.header(TIMESTAMP_HEADER))
    return [_read(item, received) for item in (body if isinstance(body, list) else [body])]


def _read_value(value: object) -> str:
    """Read a property's value; a switch comes as a word or as JSON's own."""
    return str(value).lower() if isinstance(value, bool) else read_text(value)


class _Body(Payload):
    portal_id: Annotated[int, Field(gt=0, lt=2**63)]
    object_id: Id
    occurred_at: Moment = None
    property_name: Text = ""
    property_value: Annotated[str, BeforeValidator(_read_value), Field(max_length=200)] = ""


def _read(item: object, received: datetime | None) -> Event:
    if not isinstance(item, dict):
        return Unopened(reason="An event is not an object.", raw=item)
    kind = read_text(item.get("subscriptionType"))
    if kind in PASSED_OVER:
        return PassedOver()
    if kind != PROPERTY_CHANGE and kind not in ENDS:
        return Unopened(reason=f"Events of the subscription '{kind[:80]}' are not known.", raw=item)
    try:
        return _event(kind, item, received)
    except ValidationError as error:
        return Unopened(reason=reason_of(error), raw=item)


def _event(kind: str, item: dict[str, Any], received: datetime | None) -> Event:
    body = _Body.model_validate(item)
    fact = ENDS.get(kind) or PROPERTIES.get(body.property_name)
    at = body.occurred_at or received
    if fact is None:
        return PassedOver()
    if at is None:
        return Unopened(reason="The event has no time.", raw=item)
    value = body.property_value if fact is Fact.ASSIGNED else body.property_value.lower()
    return ConversationEvent(body.portal_id, body.object_id, fact, value, at)
