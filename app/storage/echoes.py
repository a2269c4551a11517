"""What we sent or published and may be told of: calls under way, and parts whose id on the other side is not known.

``road`` is the direction of what comes back: outbound from the service, inbound from HubSpot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, not_, select, update

from app.domain.message import Direction
from app.domain.part import PartContent
from app.storage.attempts import Outcome, Purpose
from app.storage.clock import now
from app.storage.messages import unheld
from app.storage.tables import attempts, messages, parts, sent_ids

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_PURPOSES = {Direction.OUTBOUND: Purpose.SEND, Direction.INBOUND: Purpose.PUBLISH}
#: A call that ended so may have done its work; one that answered need not have told the id.
_MAY_HAVE_ARRIVED = (Outcome.OK.value, Outcome.UNKNOWN.value, Outcome.CALLING.value)

_HAS_OWN = select(exists().where(messages.c.thread_id == bindparam("thread"), messages.c.own))


def has_own(connection: Connection, thread_id: str) -> bool:
    """Tell whether a thread has messages of our own side: most have none."""
    return bool(connection.execute(_HAS_OWN, {"thread": thread_id}).scalar_one())


def under_way(connection: Connection, thread_id: str, road: Direction) -> bool:
    """Tell whether a call is being made in a thread that may have made what comes back."""
    where = (_ours(thread_id, road), messages.c.calling.is_not(None), not_(unheld()))
    return bool(connection.execute(select(exists().where(*where))).scalar_one())


def is_called(connection: Connection, message_id: int) -> bool:
    """Tell whether a call is being made for a message, by a worker that lives."""
    where = (messages.c.id == message_id, messages.c.calling.is_not(None), not_(unheld()))
    return bool(connection.execute(select(exists().where(*where))).scalar_one())


@dataclass(frozen=True)
class Nameless:
    """A part that may be on the other side, under an id that nobody told us. Times are seconds since 1970.

    ``written_at`` is what HubSpot was told; between ``begun_at`` and ``ended_at`` lie the calls for it.
    """

    message_id: int
    lane_id: int
    part_id: int
    content: PartContent
    written_at: float
    begun_at: float
    ended_at: float


def nameless(connection: Connection, thread_id: str, road: Direction) -> list[Nameless]:
    """Return the parts of a thread that may have arrived and whose id is not known, the oldest first."""
    if road is Direction.OUTBOUND:
        unknown: ColumnElement[bool] = ~exists().where(sent_ids.c.part_id == parts.c.id)
    else:
        unknown = messages.c.hubspot_id.is_(None)
    query = (
        select(
            messages.c.id.label("message_id"),
            messages.c.lane_id,
            parts.c.id.label("part_id"),
            parts.c.content,
            messages.c.sent_at,
            func.min(attempts.c.started_at).label("begun_at"),
            func.max(func.coalesce(attempts.c.started_at + attempts.c.duration, now())).label("ended_at"),
        )
        .join(parts, parts.c.message_id == messages.c.id)
        .join(attempts, attempts.c.part_id == parts.c.id)
        .where(_ours(thread_id, road), unknown, messages.c.erased_at.is_(None))
        .where(attempts.c.purpose == _PURPOSES[road].value, attempts.c.outcome.in_(_MAY_HAVE_ARRIVED))
        .group_by(messages.c.id, parts.c.id)
        .order_by(parts.c.id)
    )
    return [_nameless(row) for row in connection.execute(query)]


def _nameless(row: Row[*tuple[Any, ...]]) -> Nameless:
    content = PartContent.model_validate(row.content)
    written_at = row.sent_at if content.at is None else content.at
    return Nameless(row.message_id, row.lane_id, row.part_id, content, written_at, row.begun_at, row.ended_at)


def is_published(connection: Connection, thread_id: str, hubspot_id: str) -> bool:
    """Tell whether we published a message of our own side that HubSpot knows by this id."""
    where = (_ours(thread_id, Direction.INBOUND), messages.c.hubspot_id == hubspot_id)
    return bool(connection.execute(select(exists().where(*where))).scalar_one())


def mark_sent(connection: Connection, part_id: int) -> None:
    """Record that a part has arrived, though no answer said so."""
    connection.execute(update(parts).where(parts.c.id == part_id).values(state="sent"))


def _ours(thread_id: str, road: Direction) -> ColumnElement[bool]:
    """Tell in SQL which messages of a thread may come back on a road: from HubSpot only those of our own side."""
    mine = and_(messages.c.thread_id == thread_id, messages.c.direction == road.value)
    return mine if road is Direction.OUTBOUND else and_(mine, messages.c.own)
