"""What the scheduler sees of the lanes: which are due, how many are in flight, and who is at its share."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, false, func, or_, select, true, update

from app.storage.clock import now
from app.storage.lanes import RUNG_FOR, free, runs
from app.storage.tables import lanes, portals

#: A slot that came while the scheduler looked is over for it only after this time (seconds): it rings at the next look.
SLOT_PASSED = 0.5


@dataclass(frozen=True)
class DueLane:
    """A lane that waits to be rung."""

    id: int
    account_id: int
    portal_id: int


@dataclass(frozen=True)
class AtShare:
    """Portals and accounts that have as many lanes in flight as they may."""

    portals: frozenset[int] = frozenset()
    accounts: frozenset[int] = frozenset()


NOBODY = AtShare()


def due(connection: Connection, *, limit: int, without: AtShare = NOBODY) -> list[DueLane]:
    """Return lanes that are free, due, run and were not rung lately, the longest due first; others' than these."""
    quiet = or_(lanes.c.rung_until.is_(None), lanes.c.rung_until <= now())
    others = and_(lanes.c.portal_id.not_in(without.portals), lanes.c.account_id.not_in(without.accounts))
    statement = (
        select(lanes.c.id, lanes.c.account_id, lanes.c.portal_id)
        .where(free(), quiet, others, runs())
        .order_by(lanes.c.due, lanes.c.id)
        .limit(limit)
    )
    return [DueLane(row.id, row.account_id, row.portal_id) for row in connection.execute(statement)]


def in_flight(connection: Connection) -> dict[tuple[int, int], int]:
    """Count rung, owned and slot-holding lanes by (portal, account)."""
    owned = and_(lanes.c.owner.is_not(None), lanes.c.lease > now())
    busy = or_(lanes.c.rung_until > now(), owned, lanes.c.slot > now())
    statement = (
        select(lanes.c.portal_id, lanes.c.account_id, func.count())
        .where(lanes.c.due.is_not(None), busy)
        .group_by(lanes.c.portal_id, lanes.c.account_id)
    )
    return {(portal, account): count for portal, account, count in connection.execute(statement)}


def mark_rung(connection: Connection, ids: Iterable[int]) -> list[int]:
    """Mark lanes as rung before they are. Returns those that nobody else rang meanwhile."""
    quiet = or_(lanes.c.rung_until.is_(None), lanes.c.rung_until <= now())
    ordered = select(lanes.c.id).where(lanes.c.id.in_(sorted(ids)), quiet).order_by(lanes.c.id).with_for_update()
    statement = (
        update(lanes).where(lanes.c.id.in_(ordered), quiet).values(rung_until=now() + RUNG_FOR).returning(lanes.c.id)
    )
    return list(connection.execute(statement).scalars())


def next_slot_in(connection: Connection) -> float | None:
    """Seconds until the next lane's reserved slot; None when no lane waits for one.

    A slot that is over is not waited for: a lane that was paused meanwhile keeps its own until it runs again.
    """
    waits = (lanes.c.slot > now() - SLOT_PASSED, lanes.c.owner.is_(None))
    return connection.execute(select(func.min(lanes.c.slot) - now()).where(*waits)).scalar_one_or_none()


def set_full(connection: Connection, full: Collection[int]) -> None:
    """Mark the portals that are at their share, so that accept does not ring for them."""
    marked = portals.c.id.in_(full) if full else false()
    values = {"full": case((marked, true()), else_=false())}
    connection.execute(update(portals).where(portals.c.full != marked).values(**values))


def backlog(connection: Connection) -> tuple[int, float]:
    """Return how many lanes are due and may run, and for how many seconds the oldest has been."""
    row = connection.execute(
        select(func.count(), func.coalesce(now() - func.min(lanes.c.due), 0)).where(
            lanes.c.due <= now(), lanes.c.held_by.is_(None), runs()
        )
    ).one()
    return int(row[0]), float(row[1])
