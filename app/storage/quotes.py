"""What was said before: the message that an edit, a deletion, a reaction or a choice is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Double, and_, bindparam, func, or_, select

from app.domain.message import Content, Direction, Kind
from app.domain.part import PartContent
from app.storage.clock import now
from app.storage.messages import PLACEHOLDER, WENT
from app.storage.parts import read_parts
from app.storage.tables import album_items, messages, parts, sent_ids

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from app.storage.messages import Head

#: So many of a conversation's last messages are looked through for what a customer may answer.
_RECENT = 50


@dataclass(frozen=True)
class Said:
    """A message of a conversation, by the service's id, as it reads now.

    ``kind_in_words``: what it holds beside its text. ``about``: of a reaction or an edit, the message that it is about.
    """

    service_id: str
    kind: Kind
    text: str
    kind_in_words: str = ""
    about: Said | None = None


@dataclass(frozen=True)
class Asked:
    """A message of our side that a customer may answer, ``age`` seconds old when the answer came.

    ``in_list``: its choices went as a numbered list; else they were buttons.
    """

    content: Content
    service_ids: tuple[str, ...]
    in_list: bool
    age: float


def about(connection: Connection, head: Head) -> Said | None:
    """Return the message that an edit, a deletion or a reaction is about; None where it is not known here."""
    found = _message(connection, head, head.service_id)
    return found or (_event(connection, head) if head.kind is Kind.DELETION else None)


def _message(connection: Connection, head: Head, service_id: str) -> Said | None:
    return _inbound(connection, head, service_id) or _outbound(connection, head, service_id)


def _inbound(connection: Connection, head: Head, service_id: str) -> Said | None:
    """Return a message as its last edit before this one left it."""
    in_album = select(album_items.c.message_id).where(album_items.c.service_id == service_id)
    query = (
        select(messages.c.content)
        .where(
            *_earlier(head),
            or_(messages.c.service_id == service_id, messages.c.id.in_(in_album)),
            messages.c.kind.in_((Kind.MESSAGE.value, Kind.EDIT.value)),
            ~messages.c.revision.startswith(PLACEHOLDER),
        )
        .order_by(messages.c.order_key.desc(), messages.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    content = Content.model_validate(row.content)
    item = next((one.content for one in content.album if one.service_id == service_id), content)
    return _said(service_id, Kind.MESSAGE, item)


def _outbound(connection: Connection, head: Head, service_id: str) -> Said | None:
    query = (
        select(parts.c.content)
        .join(sent_ids, sent_ids.c.part_id == parts.c.id)
        .join(messages, messages.c.id == sent_ids.c.message_id)
        .where(
            sent_ids.c.account_id == head.account_id,
            sent_ids.c.service_id == service_id,
            messages.c.thread_id == head.thread_id,
            messages.c.erased_at.is_(None),
        )
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return _said(service_id, Kind.MESSAGE, _of_part(PartContent.model_validate(row.content))) if row else None


def _of_part(part: PartContent) -> Content:
    held = {"attachments": part.attachment, "places": part.place, "cards": part.card}
    return Content.model_validate({"text": part.text} | {name: (one,) for name, one in held.items() if one})


def _event(connection: Connection, head: Head) -> Said | None:
    """Return the reaction or the edit that a deletion takes back: these are known by their event's own id."""
    query = select(messages.c.service_id, messages.c.kind, messages.c.content).where(
        *_earlier(head),
        messages.c.revision == head.service_id,
        messages.c.kind.in_((Kind.REACTION.value, Kind.EDIT.value)),
    )
    row = connection.execute(query.limit(1)).first()
    if row is None:
        return None
    target = _message(connection, head, row.service_id)
    content = Content.model_validate(row.content)
    return Said(row.service_id, Kind(row.kind), content.text, in_a_word(content), target)


def _earlier(head: Head) -> tuple[ColumnElement[bool], ...]:
    before = or_(
        messages.c.order_key < head.order_key, and_(messages.c.order_key == head.order_key, messages.c.id < head.id)
    )
    inbound = messages.c.direction == Direction.INBOUND.value
    return (messages.c.thread_id == head.thread_id, inbound, before, messages.c.erased_at.is_(None))


def _said(service_id: str, kind: Kind, content: Content) -> Said:
    return Said(service_id, kind, content.text, in_a_word(content))


def in_a_word(content: Content) -> str:
    """Say what a message holds beside its text; empty where that is nothing."""
    if content.attachments:
        return f"[{content.attachments[0].kind.value}]"
    return "[location]" if content.places else "[contact]" if content.cards else ""


def asked(connection: Connection, head: Head) -> Asked | None:
    """Return what a customer's message may answer: the message of our side that it quotes, else the last one before.

    None where that was a colleague's, offered no choice, or there is none.
    """
    given = {"thread": head.thread_id, "message": head.id, "account": head.account_id, "old": head.age}
    quoted = head.content.reply_to
    row = connection.execute(_QUOTED if quoted else _LAST, {**given, "quoted": quoted}).first()
    if row is None or row.direction != Direction.OUTBOUND.value:
        return None
    content = Content.model_validate(row.content)
    if not content.choices:
        return None
    in_list = not any(one.content.choices for one in read_parts(connection, row.id))
    ids = select(sent_ids.c.service_id).where(sent_ids.c.message_id == row.id).order_by(sent_ids.c.part_id)
    found = tuple(connection.execute(ids).scalars())
    return Asked(content, found, in_list, float(row.age))


#: Seconds between the end of a message and the arrival of the one that may answer it.
_AGE = now() - bindparam("old", type_=Double()) - func.coalesce(messages.c.finished_at, messages.c.accepted_at)
_OUR_SIDE = select(messages.c.id, messages.c.direction, messages.c.content, _AGE.label("age")).where(
    messages.c.thread_id == bindparam("thread"), messages.c.erased_at.is_(None)
)
_IN_THREAD = select(messages.c.id).where(messages.c.thread_id == bindparam("thread"))
_LAST = (
    _OUR_SIDE.where(
        messages.c.id.in_(_IN_THREAD.order_by(messages.c.id.desc()).limit(_RECENT)),
        or_(
            and_(messages.c.direction == Direction.OUTBOUND.value, messages.c.status.in_(WENT), _AGE >= 0),
            and_(messages.c.own, messages.c.id < bindparam("message")),
        ),
    )
    .order_by(messages.c.id.desc())
    .limit(1)
)
_QUOTED = (
    _OUR_SIDE.join(sent_ids, sent_ids.c.message_id == messages.c.id)
    .where(sent_ids.c.account_id == bindparam("account"), sent_ids.c.service_id == bindparam("quoted"))
    .limit(1)
)
