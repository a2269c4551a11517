"""Statuses that HubSpot has to be told: a row per outbound message, of which only the highest counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Integer, Text, and_, bindparam, case, func, literal, select, update

from app.domain.status import Status
from app.storage.clock import now
from app.storage.dialects import upsert
from app.storage.tables import messages, statuses
from app.storage.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BY_RANK = {status.rank: status for status in Status}


def want(connection: Connection, message_id: int, lane_id: int, status: Status, *, sentence: str = "") -> None:
    """Say that HubSpot should see this status; a lower one than was wanted before changes nothing.

    A file that follows its message is none of HubSpot's: that it failed is told of the message.
    """
    statement = _wanting(connection.dialect.name, also_of_file=status is Status.FAILED)
    given = {"message": message_id, "lane": lane_id, "rank": status.rank, "said": storable(sentence)}
    connection.execute(statement, given)


@cache
def _wanting(dialect: str, *, also_of_file: bool) -> Any:
    which = messages.c.id == bindparam("message", type_=BigInteger())
    if not also_of_file:
        which = and_(which, messages.c.follows.is_(None))
    its = select(func.coalesce(messages.c.follows, messages.c.id)).where(which).scalar_subquery()
    rank, said = bindparam("rank", type_=Integer()), bindparam("said", type_=Text())
    row: dict[str, Any] = {
        "lane_id": bindparam("lane", type_=BigInteger()),
        "want": rank,
        "told": literal(0),
        "sentence": said,
    }
    row |= {"attempts": literal(0), "wanted_at": now()}
    found = select(messages.c.id, *(value.label(name) for name, value in row.items())).where(messages.c.id == its)
    rises = statuses.c.want < rank
    return (
        upsert(dialect, statuses)
        .from_select(["message_id", *row], found)
        .on_conflict_do_update(
            index_elements=["message_id"],
            set_={
                "want": case((rises, rank), else_=statuses.c.want),
                "sentence": case((rises, said), else_=statuses.c.sentence),
                "wanted_at": case((rises, now()), else_=statuses.c.wanted_at),
            },
        )
    )


def want_again(connection: Connection, message_id: int) -> None:
    """Forget what HubSpot was told of a message that is sent anew: its next status counts, whatever its rank."""
    connection.execute(update(statuses).where(statuses.c.message_id == message_id).values(want=0, told=0, sentence=""))


@dataclass(frozen=True)
class Untold:
    """A status that HubSpot does not know yet."""

    message_id: int
    account_id: int
    hubspot_id: str
    want: Status
    told: Status
    sentence: str
    attempts: int


_NEXT = (
    select(statuses, messages.c.account_id, messages.c.hubspot_id)
    .join(messages, messages.c.id == statuses.c.message_id)
    .where(statuses.c.lane_id == bindparam("lane"), statuses.c.want > statuses.c.told)
    .order_by(statuses.c.message_id)
    .limit(1)
)
_TOLD = (
    update(statuses)
    .where(
        statuses.c.message_id == bindparam("message"),
        statuses.c.told < bindparam("rank"),
        statuses.c.want >= bindparam("rank"),
    )
    .values(told=bindparam("rank"), told_at=now(), attempts=0)
)


def next_untold(connection: Connection, lane_id: int) -> Untold | None:
    """Return the oldest message of a status lane whose status HubSpot has to be told."""
    row = connection.execute(_NEXT, {"lane": lane_id}).one_or_none()
    if row is None:
        return None
    want, told = _BY_RANK[row.want], _BY_RANK[row.told]
    return Untold(row.message_id, row.account_id, row.hubspot_id, want, told, row.sentence, row.attempts)


def told(connection: Connection, message_id: int, status: Status) -> None:
    """Record what HubSpot was told, unless it is not wanted any more: the message was replayed meanwhile."""
    connection.execute(_TOLD, {"message": message_id, "rank": status.rank})


def count_attempt(connection: Connection, message_id: int) -> None:
    """Count a try that did not work."""
    where = statuses.c.message_id == message_id
    connection.execute(update(statuses).where(where).values(attempts=statuses.c.attempts + 1))


@dataclass(frozen=True)
class StatusRow:
    """What HubSpot should see of a message and what it was told."""

    want: Status
    told: Status
    sentence: str
    told_at: float | None


def of_message(connection: Connection, message_id: int) -> StatusRow | None:
    """Return the status row of a message."""
    row = connection.execute(select(statuses).where(statuses.c.message_id == message_id)).one_or_none()
    return StatusRow(_BY_RANK[row.want], _BY_RANK[row.told], row.sentence, row.told_at) if row else None
