"""The ledger beside HubSpot's inbox: what we know of the messages there, and which of ours should be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, update

from app.domain.message import Direction, Kind
from app.domain.part import PartContent
from app.domain.status import Status
from app.storage.clock import now
from app.storage.tables import accounts, dead_letters, lanes, messages, parts, statuses, threads

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

#: Ids in one statement.
_BATCH = 500
_BY_RANK = {status.rank: status for status in Status}


def connected_at(connection: Connection, portal_id: int) -> Mapping[int, float]:
    """Return when each account of a portal was connected, seconds since 1970."""
    query = select(accounts.c.id, accounts.c.created_at).where(accounts.c.portal_id == portal_id)
    return {row.id: row.created_at for row in connection.execute(query)}


@dataclass(frozen=True)
class Entry:
    """What we know of a message that HubSpot shows.

    ``thread_id`` is ours. ``told``: the verdict that HubSpot was told, None where there is none or another one waits.
    """

    message_id: int
    thread_id: str | None
    told: Status | None


def entries(connection: Connection, account_ids: Collection[int], hubspot_ids: Sequence[str]) -> dict[str, Entry]:
    """Return what we know of these messages, by HubSpot's ids; those that are not here are left out."""
    found: dict[str, Entry] = {}
    for start in range(0, len(hubspot_ids), _BATCH):
        query = (
            select(messages.c.hubspot_id, messages.c.id, messages.c.thread_id, statuses.c.want, statuses.c.told)
            .outerjoin(statuses, statuses.c.message_id == messages.c.id)
            .where(messages.c.account_id.in_(account_ids))
            .where(messages.c.hubspot_id.in_(hubspot_ids[start : start + _BATCH]))
        )
        for row in connection.execute(query):
            told = _BY_RANK[row.told] if row.told is not None and row.told == row.want else None
            found[row.hubspot_id] = Entry(row.id, row.thread_id, told)
    return found


def knows_thread(connection: Connection, account_ids: Collection[int], hubspot_thread_id: str) -> bool:
    """Tell whether a thread of HubSpot's is one of these accounts'."""
    where = (threads.c.account_id.in_(account_ids), threads.c.hubspot_thread_id == hubspot_thread_id)
    return connection.execute(select(threads.c.id).where(*where).limit(1)).first() is not None


@dataclass(frozen=True)
class Published:
    """A message that we published. ``hubspot_id``: None where HubSpot's answer did not tell it."""

    id: int
    account_id: int
    lane_id: int
    hubspot_id: str | None
    hubspot_thread_id: str | None
    content: PartContent


def published(
    connection: Connection, account_ids: Collection[int], *, since: float, after: int, limit: int
) -> list[Published]:
    """Return messages that were published after ``since``, by id, those behind the id ``after`` first."""
    query = (
        select(
            *(messages.c[name] for name in ("id", "account_id", "lane_id", "hubspot_id")),
            threads.c.hubspot_thread_id,
            parts.c.content,
        )
        .join(parts, parts.c.message_id == messages.c.id)
        .outerjoin(threads, threads.c.id == messages.c.thread_id)
        .where(messages.c.id > after, messages.c.account_id.in_(account_ids), parts.c.position == 0)
        .where(messages.c.direction == Direction.INBOUND.value, messages.c.kind != Kind.CONTROL.value)
        .where(messages.c.status == Status.SENT.value, messages.c.finished_at >= since)
        .order_by(messages.c.id)
        .limit(limit)
    )
    return [_published(row) for row in connection.execute(query)]


def first_since(connection: Connection, at: float) -> int:
    """Return an id below which everything was accepted before ``at``, found by halves: ids rise with the time."""
    low, high = 0, int(connection.execute(select(func.max(messages.c.id))).scalar_one() or 0)
    while high - low > _BATCH:
        middle = (low + high) // 2
        query = select(messages.c.accepted_at).where(messages.c.id >= middle).order_by(messages.c.id).limit(1)
        if connection.execute(query).scalar_one() < at:
            low = middle
        else:
            high = middle
    return low


def _published(row: Any) -> Published:
    content = PartContent.model_validate(row.content)
    return Published(row.id, row.account_id, row.lane_id, row.hubspot_id, row.hubspot_thread_id, content)


def publish_again(connection: Connection, message: Published) -> bool:
    """Make a published message pending again, with the key that it had, unless somebody else has done so.

    Its lane has to be locked before.
    """
    same = messages.c.hubspot_id.is_not_distinct_from(message.hubspot_id)
    mine = (messages.c.id == message.id, messages.c.status == Status.SENT.value, same)
    fresh = {"attempts": 0, "crashes": 0, "finished_at": None, "not_before": None, "hubspot_id": None}
    pending = update(messages).where(*mine).values(status=Status.PENDING.value, **fresh)
    if connection.execute(pending).rowcount == 0:
        return False
    again = update(parts).where(parts.c.message_id == message.id)
    connection.execute(again.values(state="pending", attempt_id=None))
    return True


def dead_inbound(connection: Connection, account_ids: Collection[int], *, since: float) -> list[tuple[int, int]]:
    """Return dead letters of customers' messages that wait for a person, with their accounts."""
    query = (
        select(messages.c.id, messages.c.account_id)
        .join(dead_letters, dead_letters.c.message_id == messages.c.id)
        .where(dead_letters.c.replayed_at.is_(None), dead_letters.c.created_at >= since)
        .where(messages.c.account_id.in_(account_ids), messages.c.direction == Direction.INBOUND.value)
        .order_by(messages.c.id)
    )
    return [(row.id, row.account_id) for row in connection.execute(query)]


def tell_again(connection: Connection, message_ids: Collection[int]) -> list[int]:
    """Forget that HubSpot was told of these messages. Returns the lanes of their statuses, to be touched."""
    theirs = statuses.c.message_id.in_(message_ids)
    told = update(statuses).where(theirs, statuses.c.want == statuses.c.told).values(told=0, attempts=0)
    return sorted(set(connection.execute(told.returning(statuses.c.lane_id)).scalars()))


def idle_status_lanes(connection: Connection, account_ids: Collection[int]) -> dict[int, int]:
    """Return the lanes that hold untold statuses and that nothing would wake, with how many they hold."""
    query = (
        select(statuses.c.lane_id)
        .join(lanes, lanes.c.id == statuses.c.lane_id)
        .where(lanes.c.account_id.in_(account_ids), statuses.c.want > statuses.c.told)
        .where(lanes.c.due.is_(None), or_(lanes.c.owner.is_(None), lanes.c.lease <= now()))
    )
    found: dict[int, int] = {}
    for lane_id in connection.execute(query).scalars():
        found[lane_id] = found.get(lane_id, 0) + 1
    return found
