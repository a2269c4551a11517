"""One event of a room, read into the relay's events.

Types of events: https://spec.matrix.org/latest/client-server-api/#room-events
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from app.connectors.matrix.content import DELETED, REPLACE, MessageContent, Relation, attachment, message
from app.connectors.matrix.credentials import MatrixCredentials
from app.connectors.matrix.wire import Id, Lenient, RoomEvent, Wire
from app.domain.message import AttachmentKind, Content, Event, Kind, Message, Notice, NoticeKind, Unopened
from app.domain.person import Identifier, Person

ENCRYPTED = (
    "[an end-to-end encrypted message, which cannot be shown here: ask the customer to write in a room without "
    "encryption]"
)


def read_event(raw: object, ours: MatrixCredentials) -> Iterator[Event]:
    """Read one event of a room: nothing (noise, or our own doing), or one event of the relay.

    Raises:
        ValidationError: the event does not have its documented shape.
    """
    event = RoomEvent.model_validate(raw)
    if ours.owns(event.sender):
        return
    if event.state_key is not None:
        yield from _state(event, ours)
    elif reader := _READERS.get(event.type):
        yield _from(reader(event), ours)
    elif not event.type.startswith(_NOISE):
        yield _from(_unknown(event, raw), ours)


def _from(found: Event, ours: MatrixCredentials) -> Event:
    """Mark what a colleague wrote; their own name is the only one that is known of them."""
    user = found.sender.identifier.value if isinstance(found, Message) else ""
    if not isinstance(found, Message) or not ours.has_colleague(user):
        return found
    name = user.removeprefix("@").partition(":")[0]
    return found.model_copy(update={"own": True, "sender": found.sender.model_copy(update={"name": name})})


def _state(event: RoomEvent, ours: MatrixCredentials) -> Iterator[Event]:
    """Read the few state events that matter; all others (names, topics, rights) are the room's own business."""
    if event.type == "m.room.member":
        kind = _membership(event, ours)
        if kind is not None:
            person = event.sender if event.state_key == ours.speaker else event.state_key or ""
            yield Notice(kind=kind, conversation=event.room_id, at=event.at, detail=person)
    elif event.type == "m.room.tombstone":
        new_room = _Replacement.model_validate(event.content).replacement_room
        yield Notice(kind=NoticeKind.MOVED, conversation=event.room_id, at=event.at, detail=new_room)
    elif event.type in _SHARED_LOCATIONS and event.content.get("live"):
        yield _said(event, Content(text="[shares their live location, which cannot be shown here]"))


class _Replacement(Wire):
    replacement_room: Id


class _Member(Wire):
    membership: str


def _membership(event: RoomEvent, ours: MatrixCredentials) -> NoticeKind | None:
    """Tell what a change of membership means.

    An invitation of our speaker opens the conversation. A customer who leaves, is removed or removes us has closed it,
    and one who is seen to come back has opened it again; a change of name is neither.
    """
    now = _Member.model_validate(event.content).membership
    is_us = event.state_key == ours.speaker
    if now == "invite" and is_us:
        return NoticeKind.OPTED_IN
    member = event.state_key or ""
    if ours.has_colleague(member) or (not is_us and ours.owns(member)):
        return None
    if now in {"leave", "ban"}:
        return NoticeKind.OPTED_OUT
    came = now == "join" and not is_us and event.previous in {"invite", "leave", "ban"}
    return NoticeKind.OPTED_IN if came else None


def _message(event: RoomEvent) -> Event:
    if not event.content and "redacted_because" in (event.unsigned or {}):
        return _said(event, Content(text=DELETED))
    wire = MessageContent.model_validate(event.content)
    relation = wire.relates_to
    if relation is None or relation.rel_type != REPLACE or not relation.event_id:
        return _said(event, message(wire))
    # An edit without the new content has it in its fallback, behind a star.
    new = (
        MessageContent.model_validate(wire.new_content)
        if wire.new_content
        else wire.model_copy(update={"body": wire.body.removeprefix("* "), "formatted_body": None})
    )
    return _about(event, Kind.EDIT, relation.event_id, message(new))


def _sticker(event: RoomEvent) -> Event:
    return _said(event, attachment(MessageContent.model_validate(event.content), AttachmentKind.STICKER))


class _Reaction(Wire):
    relates_to: Relation = Field(alias="m.relates_to")


class _Annotation(Wire):
    event_id: Id
    key: Id


def _reaction(event: RoomEvent) -> Event:
    relation = _Reaction.model_validate(event.content).relates_to
    found = _Annotation.model_validate(relation.model_dump())
    text = "a custom emoji" if found.key.startswith("mxc://") else found.key
    return _about(event, Kind.REACTION, found.event_id, Content(text=text))


class _Redaction(Wire):
    redacts: Id
    reason: Annotated[str | None, Lenient] = None


def _redaction(event: RoomEvent) -> Event:
    """Since version 11 of rooms the id stands in the content, before it stood beside it."""
    redacts = event.content.get("redacts") or event.redacts
    found = _Redaction.model_validate({**event.content, "redacts": redacts})
    return _about(event, Kind.DELETION, found.redacts, Content(text=found.reason or ""))


def _encrypted(event: RoomEvent) -> Event:
    return _said(event, Content(text=ENCRYPTED))


def _call(event: RoomEvent) -> Event:
    return _said(event, Content(text="[tried to call, which is not possible here]"))


def _poll(event: RoomEvent) -> Event:
    return _said(event, Content(text=f"[poll] {_fallback_text(event.content) or 'without a text'}"))


def _unknown(event: RoomEvent, raw: object) -> Event:
    text = _fallback_text(event.content)
    if text:
        return _said(event, Content(text=text))
    return Unopened(reason=f"A Matrix event of the unknown type {event.type}.", raw=raw)


_READERS: Mapping[str, Callable[[RoomEvent], Event]] = {
    "m.room.message": _message,
    "m.sticker": _sticker,
    "m.reaction": _reaction,
    "m.room.redaction": _redaction,
    "m.room.encrypted": _encrypted,
    "m.call.invite": _call,
    "m.poll.start": _poll,
    "org.matrix.msc3381.poll.start": _poll,
}

#: Beginnings of types that are part of a conversation between devices and say nothing to people.
_NOISE = (
    "m.call.",
    "m.key.verification.",
    "m.poll.",
    "org.matrix.msc3381.poll.",
    "m.beacon",
    "org.matrix.msc3672.beacon",
)
_SHARED_LOCATIONS = {"m.beacon_info", "org.matrix.msc3672.beacon_info"}


def _fallback_text(content: dict[str, Any]) -> str:
    """Return the text that an event carries for clients that do not know its type."""
    for name in ("body", "org.matrix.msc1767.text"):
        if isinstance(text := content.get(name), str) and text.strip():
            return text
    pieces = content.get("m.text")
    bodies = [piece.get("body") for piece in pieces if isinstance(piece, dict)] if isinstance(pieces, list) else []
    return next((body for body in bodies if isinstance(body, str)), "")


def _said(event: RoomEvent, content: Content) -> Message:
    return _about(event, Kind.MESSAGE, event.event_id, content)


def _about(event: RoomEvent, kind: Kind, target: str, content: Content) -> Message:
    """Make a message; one about another message is told from its neighbours by its own event's id."""
    return Message(
        conversation=event.room_id,
        service_id=target,
        sender=Person(identifier=Identifier(value=event.sender)),
        content=content,
        sent_at=event.at,
        order=event.origin_server_ts,
        kind=kind,
        revision="" if kind is Kind.MESSAGE else event.event_id,
    )
