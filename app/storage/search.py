"""Reads for people: messages, dead letters and accounts as listings show them, and a message by any of its ids."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, literal, or_, select

from app.domain.message import Direction, Kind
from app.domain.status import Status
from app.storage.clock import now
from app.storage.lanes import RUNG_FOR, runs
from app.storage.tables import (
    accounts,
    album_items,
    dead_letters,
    envelopes,
    lanes,
    messages,
    sent_ids,
    thread_aliases,
    threads,
    unopened,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row, Select

#: The largest id that a database keeps; what is larger cannot be one.
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class MessageRow:
    """A message as listings show it: ids, states and times (seconds since 1970), never its text."""

    id: int
    account_id: int
    account: str
    connector: str
    direction: Direction
    kind: Kind
    status: Status
    lane_id: int
    thread_id: str | None
    envelope_id: int | None
    service_id: str
    hubspot_id: str | None
    attempts: int
    crashes: int
    is_called: bool
    late: bool
    own: bool
    follows: int | None
    reason: str
    hint: str
    sent_at: float
    accepted_at: float
    not_before: float | None
    deadline_at: float | None
    finished_at: float | None
    erased_at: float | None


_PLAIN = (
    *("id", "account_id", "direction", "kind", "status", "lane_id", "thread_id", "envelope_id", "service_id"),
    *("hubspot_id", "attempts", "crashes", "late", "own", "follows", "reason", "hint", "sent_at", "accepted_at"),
    *("not_before", "deadline_at", "finished_at", "erased_at"),
)


def _messages() -> Select[Any]:
    columns = [messages.c[name] for name in _PLAIN]
    names = (accounts.c.name.label("account"), accounts.c.connector, messages.c.calling.is_not(None).label("is_called"))
    return select(*columns, *names).join(accounts, accounts.c.id == messages.c.account_id)


def _message(row: Row[Any]) -> MessageRow:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values |= {"direction": Direction(row.direction), "kind": Kind(row.kind), "status": Status(row.status)}
    values |= {name: bool(values[name]) for name in ("late", "own", "is_called")}
    return MessageRow(**values)


@dataclass(frozen=True)
class MessageFilter:
    """Which messages are wanted; None: all. ``since``: accepted at that time or later, seconds since 1970."""

    account_id: int | None = None
    thread_id: str | None = None
    status: Status | None = None
    direction: Direction | None = None
    since: float | None = None


def find_messages(connection: Connection, wanted: MessageFilter, *, limit: int) -> list[MessageRow]:
    """Return messages, the newest first."""
    conditions = {
        messages.c.account_id: wanted.account_id,
        messages.c.thread_id: wanted.thread_id,
        messages.c.status: wanted.status.value if wanted.status else None,
        messages.c.direction: wanted.direction.value if wanted.direction else None,
    }
    where = [column == value for column, value in conditions.items() if value is not None]
    if wanted.since is not None:
        where.append(messages.c.accepted_at >= wanted.since)
    query = _messages().where(*where).order_by(messages.c.id.desc()).limit(limit)
    return [_message(row) for row in connection.execute(query)]


def get_message(connection: Connection, message_id: int) -> MessageRow | None:
    """Return one message."""
    row = connection.execute(_messages().where(messages.c.id == message_id)).one_or_none()
    return _message(row) if row else None


class IdKind(StrEnum):
    """What an id may be the id of, in the order in which one without a kind is tried."""

    MESSAGE = "message"
    HUBSPOT = "hubspot"
    THREAD = "thread"
    SERVICE = "service"
    ENVELOPE = "envelope"


def resolve(connection: Connection, kind: IdKind, text: str, *, limit: int) -> list[int]:
    """Return the messages that an id of this kind belongs to, the newest ``limit`` of them, oldest first.

    ``thread`` takes every id that a conversation has: ours, HubSpot's two, and the service's.
    """
    where = _belongs(kind, text)
    if where is None:
        return []
    query = select(messages.c.id).where(where).order_by(messages.c.id.desc()).limit(limit)
    return sorted(connection.execute(query).scalars())


def _belongs(kind: IdKind, text: str) -> ColumnElement[bool] | None:
    """Return the condition, or None where the text cannot be such an id."""
    if kind in {IdKind.MESSAGE, IdKind.ENVELOPE}:
        number = as_number(text)
        column = messages.c.id if kind is IdKind.MESSAGE else messages.c.envelope_id
        return None if number is None else column == number
    if kind is IdKind.HUBSPOT:
        return messages.c.hubspot_id == text
    if kind is IdKind.THREAD:
        aliases = select(thread_aliases.c.thread_id).where(thread_aliases.c.integration_thread_id == text)
        same = or_(threads.c.id == text, threads.c.hubspot_thread_id == text, threads.c.conversation == text)
        return messages.c.thread_id.in_(select(threads.c.id).where(or_(same, threads.c.id.in_(aliases))))
    ours = select(sent_ids.c.message_id).where(sent_ids.c.service_id == text)
    theirs = and_(messages.c.direction == Direction.INBOUND.value, messages.c.service_id == text)
    in_album = select(album_items.c.message_id).where(album_items.c.service_id == text)
    return or_(theirs, messages.c.id.in_(ours), messages.c.id.in_(in_album))


def as_number(text: str) -> int | None:
    """Return a text as one of our ids, None where it cannot be one."""
    if not (text.isascii() and text.isdecimal()):
        return None
    number = int(text)
    return number if number <= _LARGEST_ID else None


@dataclass(frozen=True)
class DeadLetterFilter:
    """Which dead letters are wanted; None: all. Times are of their death, seconds since 1970."""

    account_id: int | None = None
    thread_id: str | None = None
    reason: str | None = None
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True)
class DeadLetterRow:
    """A dead letter that waits for a person."""

    message_id: int
    account_id: int
    account: str
    direction: Direction
    thread_id: str | None
    reason: str
    hint: str
    detail: str
    created_at: float
    holds_lane: bool


def find_dead_letters(connection: Connection, wanted: DeadLetterFilter, *, limit: int) -> list[DeadLetterRow]:
    """Return dead letters in the order in which they would be replayed."""
    conditions = {
        dead_letters.c.account_id: wanted.account_id,
        messages.c.thread_id: wanted.thread_id,
        dead_letters.c.reason: wanted.reason,
    }
    where = [column == value for column, value in conditions.items() if value is not None]
    if wanted.since is not None:
        where.append(dead_letters.c.created_at >= wanted.since)
    if wanted.until is not None:
        where.append(dead_letters.c.created_at < wanted.until)
    query = (
        _dead_letters()
        .where(dead_letters.c.replayed_at.is_(None), *where)
        .order_by(messages.c.lane_id, messages.c.order_key, messages.c.id)
        .limit(limit)
    )
    rows = (dict(row._mapping) for row in connection.execute(query))  # noqa: SLF001 - public in SQLAlchemy
    return [DeadLetterRow(**{**row, "direction": Direction(row["direction"])}) for row in rows]


def _dead_letters() -> Select[Any]:
    plain = [dead_letters.c[name] for name in ("message_id", "account_id", "reason", "hint", "detail", "created_at")]
    holds = func.coalesce(lanes.c.held_by == messages.c.id, literal(value=False)).label("holds_lane")
    return (
        select(*plain, accounts.c.name.label("account"), messages.c.direction, messages.c.thread_id, holds)
        .join(messages, messages.c.id == dead_letters.c.message_id)
        .join(accounts, accounts.c.id == dead_letters.c.account_id)
        .join(lanes, lanes.c.id == messages.c.lane_id)
    )


@dataclass(frozen=True)
class EnvelopeRow:
    """A stored request, without its content."""

    id: int
    source: str
    account_id: int | None
    size: int
    received_at: float
    unopened: int


def get_envelope(connection: Connection, envelope_id: int) -> EnvelopeRow | None:
    """Return an envelope, with the number of its items that wait unopened."""
    size = func.length(envelopes.c.body).label("size")
    waiting = select(func.count()).where(unopened.c.envelope_id == envelopes.c.id).scalar_subquery().label("unopened")
    columns = (envelopes.c.id, envelopes.c.source, envelopes.c.account_id, size, envelopes.c.received_at, waiting)
    row = connection.execute(select(*columns).where(envelopes.c.id == envelope_id)).one_or_none()
    return EnvelopeRow(**row._mapping) if row else None  # noqa: SLF001 - public in SQLAlchemy


def accounts_by_portal(connection: Connection) -> dict[int, int]:
    """Count accounts by portal."""
    query = select(accounts.c.portal_id, func.count()).group_by(accounts.c.portal_id)
    return {int(row[0]): int(row[1]) for row in connection.execute(query)}


@dataclass(frozen=True)
class Neglected:
    """Lanes that wait for a worker: how many, for how many seconds the oldest, and whether that one was rung lately."""

    count: int
    due_for: float
    is_rung: bool


def neglected(connection: Connection, *, longer_than: float) -> Neglected | None:
    """Return the oldest lane that could be worked on and has not been for so many seconds; None when there is none."""
    free = and_(or_(lanes.c.owner.is_(None), lanes.c.lease <= now()), lanes.c.held_by.is_(None))
    where = and_(free, lanes.c.due < now() - longer_than, runs())
    # Rung again within two rounds of a scheduler that runs; a lane that none rings has no such mark, or an old one.
    rung = func.coalesce(lanes.c.rung_until > now() - 2 * RUNG_FOR, literal(value=False)).label("is_rung")
    query = select((now() - lanes.c.due).label("due_for"), rung)
    row = connection.execute(query.where(where).order_by(lanes.c.due).limit(1)).one_or_none()
    if row is None:
        return None
    count = connection.execute(select(func.count()).select_from(lanes).where(where)).scalar_one()
    return Neglected(int(count), row.due_for, bool(row.is_rung))
