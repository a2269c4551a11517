"""What the scheduler sees of the lanes: which are due, how many are in flight, and who is at its share."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    and_,
    case,
    column,
    false,
    func,
    or_,
    select,
    true,
    update,
    values,
)

from app.domain.lane import LaneKind
from app.storage.clock import now
from app.storage.lanes import RUNG_FOR, free, lock, runs
from app.storage.tables import accounts, lanes, portals

if TYPE_CHECKING:
    from sqlalchemy import Select

#: A slot that came while the scheduler looked is over for it only after this time (seconds): it rings at the next look.
SLOT_PASSED = 0.5


@dataclass(frozen=True)
class DueLane:
    """A lane that waits to be rung."""

    id: int
    account_id: int
    portal_id: int
    kind: LaneKind


@dataclass(frozen=True)
class Busy:
    """Lanes of an account in flight. ``asking``: those that still have to get, or wait for, their slot at HubSpot."""

    portal_id: int
    account_id: int
    lanes: int
    asking: int


def due(connection: Connection, *, each: int, limit: int = 10_000) -> list[DueLane]:
    """Return lanes that are free, due, run and were not rung lately, the longest due first.

    At most ``each`` of every account and kind: who has many hides nobody, and the cost does not grow with their number.
    """
    found = _first_of_each(each) if connection.dialect.name == "postgresql" else _ranked(each)
    rows = connection.execute(found.order_by("due", "id").limit(limit))
    return [DueLane(row.id, row.account_id, row.portal_id, LaneKind(row.kind)) for row in rows]


_SHOWN = ("id", "account_id", "portal_id", "kind", "due")


def _may_be_rung() -> ColumnElement[bool]:
    quiet = or_(lanes.c.rung_until.is_(None), lanes.c.rung_until <= now())
    return and_(lanes.c.due.is_not(None), free(), quiet, runs())


def _first_of_each(each: int) -> Select[Any]:
    """Walk the index once for each account and kind, no farther than needed."""
    kinds = values(column("kind", String), name="kinds").data([(one.value,) for one in LaneKind])
    of_one = and_(lanes.c.account_id == accounts.c.id, lanes.c.kind == kinds.c.kind, _may_be_rung())
    first = select(*(lanes.c[name] for name in _SHOWN)).where(of_one).order_by(lanes.c.due, lanes.c.id).limit(each)
    lateral = first.correlate(accounts, kinds).lateral("first")
    return select(*(lateral.c[name] for name in _SHOWN)).select_from(accounts.join(kinds, true()).join(lateral, true()))


def _ranked(each: int) -> Select[Any]:
    """SQLite has no lateral joins: it numbers what is due."""
    place = func.row_number().over(partition_by=(lanes.c.account_id, lanes.c.kind), order_by=(lanes.c.due, lanes.c.id))
    ranked = select(*(lanes.c[name] for name in _SHOWN), place.label("place")).where(_may_be_rung()).subquery()
    return select(*(ranked.c[name] for name in _SHOWN)).where(ranked.c.place <= each)


def _in_flight() -> ColumnElement[bool]:
    """Name the index: what it holds is little more than what is asked for."""
    return or_(lanes.c.owner.is_not(None), lanes.c.rung_until.is_not(None), lanes.c.slot.is_not(None))


def in_flight(connection: Connection) -> list[Busy]:
    """Count rung, owned and slot-holding lanes of each account."""
    owned = and_(lanes.c.owner.is_not(None), lanes.c.lease > now())
    waiting = or_(lanes.c.rung_until > now(), lanes.c.slot > now())
    asking = and_(waiting, ~func.coalesce(owned, false()), lanes.c.kind == LaneKind.INBOUND.value)
    statement = (
        select(lanes.c.portal_id, lanes.c.account_id, func.count(), func.count(case((asking, 1))))
        .where(_in_flight(), lanes.c.due.is_not(None), or_(waiting, owned))
        .group_by(lanes.c.portal_id, lanes.c.account_id)
    )
    return [Busy(*row) for row in connection.execute(statement)]


def full(connection: Connection) -> frozenset[int]:
    """Return the portals that are marked as being at their share."""
    return frozenset(connection.execute(select(portals.c.id).where(portals.c.full)).scalars())


def mark_rung(connection: Connection, ids: Iterable[int]) -> list[int]:
    """Mark lanes as rung before they are. Returns those that nobody else rang, or took, meanwhile.

    A mark on a lane that a worker took since it was seen would outlive its work and silence the next ring.
    """
    waits = and_(or_(lanes.c.rung_until.is_(None), lanes.c.rung_until <= now()), free())
    seen = lock(connection, and_(lanes.c.id.in_(sorted(ids)), waits))
    marked = update(lanes).where(lanes.c.id.in_(seen), waits).values(rung_until=now() + RUNG_FOR)
    return list(connection.execute(marked.returning(lanes.c.id)).scalars())


def next_slot_in(connection: Connection) -> float | None:
    """Seconds until the next lane's reserved slot; None when no lane waits for one.

    A slot that is over is not waited for: a lane that was paused meanwhile keeps its own until it runs again.
    """
    waits = (_in_flight(), lanes.c.slot > now() - SLOT_PASSED, lanes.c.owner.is_(None))
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
