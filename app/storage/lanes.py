"""Lanes in the database: touched by accept, claimed by a worker, released, and found again by the scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from app.domain.account import RunState
from app.domain.lane import LaneKey, LaneKind
from app.domain.status import Status
from app.storage import breakers
from app.storage.clock import now, settled
from app.storage.dialects import insert_or_ignore
from app.storage.tables import accounts, lanes, messages, portals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Row, Select
    from sqlalchemy.sql.dml import ReturningUpdate

#: A lane that was rung is not rung again for so long (seconds): its worker is on the way.
RUNG_FOR = 5.0


@dataclass(frozen=True)
class Lane:
    """A lane that this worker owns, as it was when claimed."""

    id: int
    account_id: int
    portal_id: int
    kind: LaneKind
    conversation: str
    owner: str
    wake: int
    #: Seconds until the slot that was reserved for it; None when it has none.
    slot_in: float | None


def open_lanes(connection: Connection, keys: Iterable[LaneKey], portal_id: int) -> dict[LaneKey, int]:
    """Return the ids of lanes, making those that are not there yet, in one order everywhere."""
    wanted = sorted(set(keys))
    found = _ids(connection, wanted)
    missing = [key for key in wanted if key not in found]
    if missing:
        rows = [
            {"account_id": k.account_id, "portal_id": portal_id, "kind": k.kind, "conversation": k.conversation}
            for k in missing
        ]
        opened = _keyed(connection.execute(_opening(connection.dialect.name), rows))
        others = [key for key in missing if key not in opened]  # somebody else was faster
        found |= opened | (_ids(connection, others) if others else {})
    return found


def _ids(connection: Connection, keys: Collection[LaneKey]) -> dict[LaneKey, int]:
    given = [(k.account_id, k.kind.value, k.conversation) for k in keys]
    return _keyed(connection.execute(_BY_KEY, {"keys": given}))


def _keyed(rows: Iterable[Row[Any]]) -> dict[LaneKey, int]:
    return {LaneKey(row.account_id, LaneKind(row.kind), row.conversation): row.id for row in rows}


_KEYED = (lanes.c.id, lanes.c.account_id, lanes.c.kind, lanes.c.conversation)
_BY_KEY = select(*_KEYED).where(
    tuple_(lanes.c.account_id, lanes.c.kind, lanes.c.conversation).in_(bindparam("keys", expanding=True))
)


@cache
def _opening(dialect: str) -> Any:
    return insert_or_ignore(dialect, lanes).returning(*_KEYED)


@dataclass(frozen=True)
class Touched:
    """A lane that got new work: whether it has to be rung, and the last order key that it let pass."""

    id: int
    ring: bool
    passed: int | None


def touch(connection: Connection, ids: Iterable[int], at: float) -> list[Touched]:
    """Say that lanes have new work: count ``wake`` up, and make them due where nothing else was to be waited for.

    Lanes of a portal at its share are left to the scheduler. Marked as rung they would count as in flight themselves,
    and a steady flow of new conversations would keep their portal full for ever.

    Locks ascending by id, as everybody does: unsorted envelopes deadlock.
    """
    wanted = sorted(ids)
    if len(wanted) > 1:
        connection.execute(_locking(), {"ids": wanted})
    until = at + RUNG_FOR
    rows = connection.execute(_touching(), {"ids": wanted, "at": at, "until": until}).all()
    return [Touched(row.id, row.rung_until == until, row.passed) for row in rows]


@cache
def _touching() -> ReturningUpdate[Any]:
    at: ColumnElement[float] = bindparam("at", type_=Double())
    until: ColumnElement[float] = bindparam("until", type_=Double())
    unowned = and_(or_(lanes.c.owner.is_(None), lanes.c.lease <= at), lanes.c.held_by.is_(None))
    quiet = or_(lanes.c.rung_until.is_(None), lanes.c.rung_until <= at)
    room = ~exists().where(portals.c.id == lanes.c.portal_id, portals.c.full).correlate(lanes)
    ring = and_(unowned, quiet, room, func.coalesce(lanes.c.due, at) <= at)
    return (
        update(lanes)
        .where(lanes.c.id.in_(bindparam("ids", expanding=True)))
        .values(
            wake=lanes.c.wake + 1,
            due=func.coalesce(lanes.c.due, at),
            rung_until=case((ring, until), else_=lanes.c.rung_until),
        )
        .returning(lanes.c.id, lanes.c.rung_until, lanes.c.passed)
    )


def lock(connection: Connection, which: ColumnElement[bool]) -> list[int]:
    """Lock lanes ascending by id, and return them: the one way to write to several lanes at once.

    A statement of its own: one that locks in a subquery and then updates still sees the row as it was before the lock.
    It locks that old version once more, and deadlocks with whoever waits there (PostgreSQL; a tuple lock).
    SQLite has one writer and locks no rows.
    """
    return [row.id for row in connection.execute(_in_order(which))]


@cache
def _locking() -> Select[tuple[int]]:
    return _in_order(lanes.c.id.in_(bindparam("ids", expanding=True)))


def _in_order(which: ColumnElement[bool]) -> Select[tuple[int]]:
    return select(lanes.c.id).where(which).order_by(lanes.c.id).with_for_update(key_share=True)


def wake(connection: Connection, lane_id: int) -> None:
    """Make one lane due now, whatever it waited for: its media is ready, its account runs again."""
    _wake(connection, [lane_id])


def _wake(connection: Connection, lane_ids: Collection[int]) -> None:
    woken = update(lanes).where(lanes.c.id.in_(lane_ids))
    connection.execute(woken.values(wake=lanes.c.wake + 1, due=now(), rung_until=None))


def wake_account(connection: Connection, account_id: int) -> None:
    """Make every waiting lane of an account due now."""
    mine = and_(lanes.c.account_id == account_id, lanes.c.due.is_not(None))
    _wake(connection, lock(connection, mine))


def wake_head(connection: Connection, lane_id: int) -> None:
    """Make one lane due now, and its messages too, whatever retry they waited for."""
    wake(connection, lane_id)
    _forget_delays(connection, [lane_id])


def wake_delayed(
    connection: Connection,
    kinds: Collection[LaneKind],
    *,
    account_id: int | None = None,
    portal_id: int | None = None,
) -> None:
    """Make the lanes of an account or of a portal due now that wait for a retry; who waits for a slot keeps it."""
    whose = lanes.c.account_id == account_id if account_id is not None else lanes.c.portal_id == portal_id
    delayed = and_(whose, lanes.c.kind.in_([one.value for one in kinds]), lanes.c.due > now(), lanes.c.slot.is_(None))
    woken = lock(connection, delayed)
    _wake(connection, woken)
    _forget_delays(connection, woken)


def _forget_delays(connection: Connection, lane_ids: Collection[int]) -> None:
    waiting = and_(messages.c.lane_id.in_(sorted(lane_ids)), messages.c.status == Status.PENDING.value)
    connection.execute(update(messages).where(waiting, messages.c.not_before.is_not(None)).values(not_before=None))


def runs() -> ColumnElement[bool]:
    """Tell in SQL whether a lane's account and portal work, for what travels in it, or it may try whether they do.

    A paused service stops only what goes to it, a paused HubSpot side only what goes there. Account events always
    pass: they are what lifts a pause. Of a removed account HubSpot is still told what became of agents' messages.
    """
    running = RunState.RUNNING.value
    told = and_(lanes.c.kind == LaneKind.STATUS.value, accounts.c.state == RunState.PURGED.value)
    side = case((lanes.c.kind == LaneKind.OUTBOUND.value, accounts.c.service_state), else_=accounts.c.hubspot_state)
    control = lanes.c.kind == LaneKind.CONTROL.value
    works = and_(portals.c.state == running, or_(control, and_(side == running, ~breakers.stops())))
    return exists(
        select(literal(1))
        .select_from(accounts.join(portals, portals.c.id == accounts.c.portal_id))
        .where(
            accounts.c.id == lanes.c.account_id,
            or_(control, accounts.c.state == running, told),
            or_(works, breakers.probes()),
        )
        .correlate(lanes)
    )


def free() -> ColumnElement[bool]:
    """Tell in SQL whether a lane is due, nobody's, and not held behind a dead letter."""
    abandoned = and_(lanes.c.lease <= now(), settled())
    return and_(or_(lanes.c.owner.is_(None), abandoned), lanes.c.held_by.is_(None), lanes.c.due <= now())


def claim(connection: Connection, lane_id: int, *, owner: str, lease: float) -> Lane | None:
    """Take a lane that is free, due and runs, for ``lease`` seconds; None when there is nothing to do here."""
    row = connection.execute(_claiming(), {"lane": lane_id, "claimer": owner, "lasting": lease}).one_or_none()
    if row is None:
        return None
    return Lane(
        row.id, row.account_id, row.portal_id, LaneKind(row.kind), row.conversation, owner, row.wake, row.slot_in
    )


@cache
def _claiming() -> ReturningUpdate[Any]:
    return (
        update(lanes)
        .where(lanes.c.id == bindparam("lane"), free(), runs())
        .values(owner=bindparam("claimer"), lease=_from_now("lasting"), rung_until=None)
        .returning(
            *(lanes.c[name] for name in ("id", "account_id", "portal_id", "kind", "conversation", "wake")),
            (lanes.c.slot - now()).label("slot_in"),
        )
    )


def _from_now(name: str) -> ColumnElement[float]:
    """Return the time so many seconds from now; no number makes no time."""
    return now() + bindparam(name, type_=Double())


def renew(connection: Connection, lane: Lane, *, lease: float) -> int | None:
    """Keep a lane for another ``lease`` seconds. Returns ``wake``; None: it is lost or held, or its account stopped."""
    given = {"lane": lane.id, "claimer": lane.owner, "lasting": lease}
    return connection.execute(_renewing(), given).scalar_one_or_none()


@cache
def _renewing() -> ReturningUpdate[Any]:
    mine = and_(lanes.c.id == bindparam("lane"), lanes.c.owner == bindparam("claimer"))
    return (
        update(lanes)
        .where(mine, lanes.c.held_by.is_(None), runs())
        .values(lease=_from_now("lasting"), slot=None)
        .returning(lanes.c.wake)
    )


def release(connection: Connection, lane: Lane, *, seen: int, due_in: float | None, slot: float | None = None) -> bool:
    """Give a lane back. ``due_in``: seconds until it has something to do again, None: nothing.

    Where work or a signal came after ``seen``, the lane is due now: whatever it wanted to wait for is looked at again.
    Returns True when it has to be rung.
    """
    given = {"lane": lane.id, "claimer": lane.owner, "seen": seen, "due_in": due_in, "slot_in": slot}
    return bool(connection.execute(_releasing(), given).scalar_one_or_none())


@cache
def _releasing() -> ReturningUpdate[Any]:
    rest = case((lanes.c.wake == bindparam("seen"), _from_now("due_in")), else_=now())
    return (
        update(lanes)
        .where(lanes.c.id == bindparam("lane"), lanes.c.owner == bindparam("claimer"))
        .values(owner=None, lease=None, due=rest, slot=_from_now("slot_in"))
        .returning(lanes.c.due <= now())
    )


def hold(connection: Connection, lane_id: int, message_id: int) -> None:
    """Stop a lane behind a dead letter until a person decides."""
    connection.execute(update(lanes).where(lanes.c.id == lane_id).values(held_by=message_id))


def unhold(connection: Connection, message_id: int) -> None:
    """Let a lane go on that this dead letter held."""
    connection.execute(
        update(lanes).where(lanes.c.held_by == message_id).values(held_by=None, due=now(), wake=lanes.c.wake + 1)
    )


def portal_of(connection: Connection, account_id: int) -> int:
    """Return the portal of an account."""
    return int(connection.execute(_PORTAL, {"account": account_id}).scalar_one())


def clock(connection: Connection) -> float:
    """Return the database's time, seconds since 1970."""
    return float(connection.execute(_CLOCK).scalar_one())


_PORTAL = select(accounts.c.portal_id).where(accounts.c.id == bindparam("account"))
_CLOCK = select(now())
