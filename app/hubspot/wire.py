"""HubSpot's channel webhooks, read into our words.

One request carries one event (an array is accepted too). One odd item never takes its neighbours with it, and what is
not understood is kept as ``Unopened``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from app.domain.message import Message, Unopened
from app.domain.person import Identifier, IdentifierType, Person
from app.domain.webhook import RawRequest
from app.hubspot.attachments import read_content
from app.hubspot.payloads import (
    AccountEventBody,
    MessageBody,
    MessageEvent,
    Participant,
    milliseconds,
    read_moment,
    read_object,
    read_text,
    storable,
)
from app.hubspot.signature import TIMESTAMP_HEADER

MESSAGE_CREATED: Final = "OUTGOING_CHANNEL_MESSAGE_CREATED"
NOT_TRUNCATED: Final = "NOT_TRUNCATED"

#: Longest dedupe key; a longer one is hashed.
_KEY_LENGTH = 120


class AccountEventKind(StrEnum):
    """What happened to a channel account at HubSpot."""

    CREATED = "created"
    UPDATED = "updated"
    PURGED = "purged"


ACCOUNT_EVENTS: Final = {
    "CHANNEL_ACCOUNT_CREATED": AccountEventKind.CREATED,
    "CHANNEL_ACCOUNT_UPDATED": AccountEventKind.UPDATED,
    "CHANNEL_ACCOUNT_PURGED": AccountEventKind.PURGED,
}


@dataclass(frozen=True)
class Outgoing:
    """An agent's message, to be sent to the customer.

    ``account_id`` is HubSpot's id of the channel account. ``message.conversation`` is empty: the thread is found by
    any of ``thread_ids`` (our own ids; several after a merge), then by ``hubspot_thread_id``, then by ``recipient``.
    ``message.sender`` is the agent, by actor id. ``by_app_id``: the app that created the message, empty when a person
    did.
    """

    portal_id: int
    channel_id: str
    account_id: str
    message: Message
    thread_ids: tuple[str, ...]
    hubspot_thread_id: str
    recipient: Identifier | None
    recipient_name: str
    by_app_id: str

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id in it, as HubSpot spells it."""
        recipient = self.recipient.value if self.recipient else ""
        named = (self.channel_id, self.account_id, self.hubspot_thread_id, recipient)
        return (*named, *self.thread_ids, self.message.service_id)


@dataclass(frozen=True)
class AccountEvent:
    """A channel account was connected, changed or removed at HubSpot. The flags are not in it: ask for the account.

    ``order`` is the event's time in milliseconds.
    """

    kind: AccountEventKind
    portal_id: int
    channel_id: str
    account_id: str
    identifier: Identifier | None
    at: datetime
    order: int

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id in it, as HubSpot spells it."""
        return (self.channel_id, self.account_id)


HubSpotEvent = Outgoing | AccountEvent | Unopened


def read_events(raw: RawRequest) -> list[HubSpotEvent]:
    """Read a verified request. Pure; never raises."""
    body = read_body(raw)
    if isinstance(body, Unopened):
        return [body]
    received = read_moment(raw.header(TIMESTAMP_HEADER))
    return [_read_item(item, received) for item in (body if isinstance(body, list) else [body])]


def dedupe_key(raw: RawRequest) -> str:
    """Return what names this delivery, the same when HubSpot sends it again; at most 120 characters."""
    body = read_body(raw)
    items = body if isinstance(body, list) else [body]
    key = _item_key(items[0]) if len(items) == 1 and isinstance(items[0], dict) else ""
    if not key:
        return "sha256:" + hashlib.sha256(raw.body).hexdigest()
    return key if len(key) <= _KEY_LENGTH else "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def read_body(raw: RawRequest) -> Any | Unopened:
    """Return a request's JSON, without what no database keeps; ``Unopened`` where it cannot be read."""
    try:
        return storable(json.loads(raw.body.decode("utf-8")))
    except (ValueError, RecursionError):
        text = storable(raw.body.decode("utf-8", "replace"))
        return Unopened(reason="The body is not JSON that can be read.", raw=text)


def _read_item(item: object, received: datetime | None) -> HubSpotEvent:
    if not isinstance(item, dict):
        return Unopened(reason="An event is not an object.", raw=item)
    kind = read_text(item.get("type"))
    try:
        if kind == MESSAGE_CREATED:
            return _read_message(item, received)
        if kind in ACCOUNT_EVENTS:
            return _read_account_event(item, ACCOUNT_EVENTS[kind], received)
    except ValidationError as error:
        return Unopened(reason=reason_of(error), raw=item)
    except _NoTimeError:
        return Unopened(reason="The event has no time.", raw=item)
    return Unopened(reason=f"Events of the type '{kind[:80]}' are not known.", raw=item)


class _NoTimeError(Exception):
    """Nothing tells when an event happened."""


def reason_of(error: ValidationError) -> str:
    """Name the fields that are missing or wrong, without their values."""
    fields = sorted({".".join(map(str, one["loc"])) for one in error.errors(include_input=False, include_url=False)})
    return f"The event cannot be read: {', '.join(fields)}."


def _read_message(item: dict[str, Any], received: datetime | None) -> Outgoing:
    event = MessageEvent.model_validate(_with_channel(item))
    body = event.message
    recipient = next((one for one in body.recipients if one.delivery_identifier), None)
    return Outgoing(
        portal_id=event.portal_id,
        channel_id=event.channel_id,
        account_id=body.channel_account_id,
        message=_message(body, _first(body.created_at, event.event_timestamp, received)),
        thread_ids=tuple(event.channel_integration_thread_ids),
        hubspot_thread_id=body.conversations_thread_id,
        recipient=recipient.delivery_identifier if recipient else None,
        recipient_name=recipient.name if recipient else "",
        by_app_id=body.client.integration_app_id,
    )


def _with_channel(item: dict[str, Any]) -> dict[str, Any]:
    """The channel stands in the event and in its message: either will do."""
    return item | {"channelId": item.get("channelId") or read_object(item.get("message")).get("channelId")}


def _message(body: MessageBody, sent_at: datetime) -> Message:
    return Message(
        conversation="",
        service_id=body.id,
        sender=_agent(body.senders[0] if body.senders else Participant(), body.created_by),
        content=read_content(
            body.text, body.rich_text, body.attachments, body.in_reply_to_id, truncated=_is_truncated(body)
        ),
        sent_at=sent_at,
        order=milliseconds(sent_at),
    )


def _is_truncated(body: MessageBody) -> bool:
    return body.truncation_status not in ("", NOT_TRUNCATED)


def _agent(sender: Participant, created_by: str) -> Person:
    """An agent is known by the actor id; the delivery identifier of a sender is the account's own."""
    actor = Identifier(type=IdentifierType.OPAQUE, value=sender.actor_id or created_by)
    return Person(identifier=actor, name=sender.name)


def _read_account_event(item: dict[str, Any], kind: AccountEventKind, received: datetime | None) -> AccountEvent:
    event = AccountEventBody.model_validate(item)
    at = _first(event.event_timestamp, received)
    return AccountEvent(
        kind=kind,
        portal_id=event.portal_id,
        channel_id=event.channel_id,
        account_id=event.channel_account_id,
        identifier=event.channel_account_delivery_identifier,
        at=at,
        order=milliseconds(at),
    )


def _first(*moments: datetime | None) -> datetime:
    for moment in moments:
        if moment is not None:
            return moment
    raise _NoTimeError


def _item_key(item: dict[str, Any]) -> str:
    """Name one event: a message by its id, an account's by its time, others by ``eventId``; empty when none is."""
    kind, portal = read_text(item.get("type")), read_text(item.get("portalId"))
    if kind in ACCOUNT_EVENTS:
        parts = [kind, read_text(item.get("channelAccountId")), read_text(item.get("eventTimestamp"))]
    elif kind == MESSAGE_CREATED:
        parts = [portal, read_text(read_object(item.get("message")).get("id"))]
        parts = parts if all(parts) else [portal, kind, read_text(item.get("eventId"))]
    else:
        parts = [portal, kind, read_text(item.get("eventId"))]
    return ":".join(parts) if all(parts) else ""
