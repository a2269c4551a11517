"""Breakers: an API of one account, or a portal, that fails or refuses us. There is a row only while there is trouble.

A closed one counts lanes that failed without a success between; an open one stops its lanes but for the probe.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update

from app.domain.lane import LaneKind
from app.storage.clock import now
from app.storage.dialects import insert_or_ignore
from app.storage.tables import accounts, breakers, lanes
from app.storage.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


class Scope(StrEnum):
    """What a breaker stops: one side of an account, or a whole portal. The sides have the words of ``Side``."""

    SERVICE = "service"
    HUBSPOT = "hubspot"
    PORTAL = "portal"


@dataclass(frozen=True)
class Key:
    """What names a breaker: an account's id for its sides, a portal's for the portal."""

    scope: Scope
    id: int


@dataclass(frozen=True)
class Breaker:
    """A breaker as it stands.

    ``failed_lanes``: lanes that failed since the last success. ``refused``: it was opened by a refusal of our
    credentials, so that the pause ends with it. ``probe_in``: seconds until the next probe. ``probe_lane``: the lane
    that may try now. ``last_probe_lane``: the one that was the last to.
    """

    key: Key
    failed_lanes: tuple[int, ...] = ()
    refused: bool = False
    hint: str = ""
    is_open: bool = False
    probe_in: float | None = None
    probe_lane: int | None = None
    last_probe_lane: int | None = None
    probes: int = 0

    def opened(self, hint: str, *, probe_in: float, refused: bool = False) -> Breaker:
        """Return the breaker as it stands after it opened, or after a probe that failed."""
        probes = self.probes + 1 if self.is_open else 0
        return replace(
            self, is_open=True, hint=hint, probe_in=probe_in, probe_lane=None, refused=refused, probes=probes
        )

    def probed_by(self, lane_id: int, *, again_in: float) -> Breaker:
        """Return the breaker while this lane tries; another may when so many seconds have passed."""
        return replace(self, probe_lane=lane_id, last_probe_lane=lane_id, probe_in=again_in)


_COLUMNS = (
    *(breakers.c[name] for name in ("scope", "scope_id", "failed_lanes", "refused", "hint", "opened_at")),
    (breakers.c.probe_at - now()).label("probe_in"),
    *(breakers.c[name] for name in ("probe_lane", "last_probe_lane", "probes")),
)


def _breaker(row: Row[Any]) -> Breaker:
    key = Key(Scope(row.scope), row.scope_id)
    return Breaker(
        key,
        failed_lanes=tuple(row.failed_lanes),
        refused=row.refused,
        hint=row.hint,
        is_open=row.opened_at is not None,
        probe_in=row.probe_in,
        probe_lane=row.probe_lane,
        last_probe_lane=row.last_probe_lane,
        probes=row.probes,
    )


def _is(key: Key) -> ColumnElement[bool]:
    return and_(breakers.c.scope == key.scope.value, breakers.c.scope_id == key.id)


def of_lane(account_id: int, kind: LaneKind) -> Key:
    """Name the breaker of the side that a lane of this kind calls."""
    return Key(Scope.SERVICE if kind is LaneKind.OUTBOUND else Scope.HUBSPOT, account_id)


def get(connection: Connection, key: Key, *, lock: bool = False) -> Breaker | None:
    """Return a breaker; with ``lock`` nobody else changes it until the transaction ends."""
    query = select(*_COLUMNS).where(_is(key))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return _breaker(row) if row else None


def make(connection: Connection, key: Key) -> Breaker:
    """Return a breaker, locked, and made where there is none."""
    fresh: dict[str, Any] = {
        "scope": key.scope.value,
        "scope_id": key.id,
        "failed_lanes": [],
        "refused": False,
        "probes": 0,
    }
    connection.execute(insert_or_ignore(connection.dialect.name, breakers).values(hint="", **fresh))
    found = get(connection, key, lock=True)
    return found if found is not None else make(connection, key)  # it was closed in between


def store(connection: Connection, breaker: Breaker) -> None:
    """Store a breaker that this transaction has locked."""
    opened = func.coalesce(breakers.c.opened_at, now()) if breaker.is_open else None
    values = {
        "failed_lanes": list(breaker.failed_lanes),
        "refused": breaker.refused,
        "hint": storable(breaker.hint),
        "opened_at": opened,
        "probe_at": None if breaker.probe_in is None else now() + breaker.probe_in,
        "probe_lane": breaker.probe_lane,
        "last_probe_lane": breaker.last_probe_lane,
        "probes": breaker.probes,
    }
    connection.execute(update(breakers).where(_is(breaker.key)).values(**values))


def drop(connection: Connection, *keys: Key) -> None:
    """Forget breakers: nothing is wrong any more, or somebody says so."""
    for key in keys:
        connection.execute(delete(breakers).where(_is(key)))


def every(connection: Connection) -> list[Breaker]:
    """Return every breaker, open or counting."""
    rows = connection.execute(select(*_COLUMNS).order_by(breakers.c.scope, breakers.c.scope_id))
    return [_breaker(row) for row in rows]


def probe_due(connection: Connection) -> list[Key]:
    """Return the open breakers that may be probed now."""
    query = select(breakers.c.scope, breakers.c.scope_id).where(
        breakers.c.opened_at.is_not(None), breakers.c.probe_at <= now()
    )
    return [Key(Scope(row.scope), row.scope_id) for row in connection.execute(query)]


def next_lane(connection: Connection, breaker: Breaker) -> int | None:
    """Return a lane that waits behind a breaker and is nobody's: each time another one, in a circle."""
    key = breaker.key
    kinds = [LaneKind.OUTBOUND] if key.scope is Scope.SERVICE else [LaneKind.INBOUND, LaneKind.STATUS]
    mine = lanes.c.portal_id == key.id if key.scope is Scope.PORTAL else lanes.c.account_id == key.id
    unowned = or_(lanes.c.owner.is_(None), lanes.c.lease <= now())
    last = breaker.last_probe_lane or 0
    query = (
        select(lanes.c.id)
        .join(accounts, accounts.c.id == lanes.c.account_id)
        .where(mine, lanes.c.kind.in_([one.value for one in kinds]), unowned)
        .where(lanes.c.due.is_not(None), lanes.c.held_by.is_(None), accounts.c.state == "running")
        .order_by(case((lanes.c.id > last, 0), else_=1), lanes.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def _concerns_lane() -> ColumnElement[bool]:
    side = case((lanes.c.kind == LaneKind.OUTBOUND.value, Scope.SERVICE.value), else_=Scope.HUBSPOT.value)
    own = and_(breakers.c.scope == side, breakers.c.scope_id == lanes.c.account_id)
    return or_(own, and_(breakers.c.scope == Scope.PORTAL.value, breakers.c.scope_id == lanes.c.portal_id))


def probes() -> ColumnElement[bool]:
    """Tell in SQL whether a lane is the one that probes."""
    return (
        select(breakers.c.scope).where(_concerns_lane(), breakers.c.probe_lane == lanes.c.id).correlate(lanes).exists()
    )


def stops() -> ColumnElement[bool]:
    """Tell in SQL whether an open breaker stops a lane; after a refusal the account's or portal's own state does."""
    is_open = and_(_concerns_lane(), breakers.c.opened_at.is_not(None), ~breakers.c.refused)
    return select(breakers.c.scope).where(is_open).correlate(lanes).exists()


def concerns_account() -> ColumnElement[bool]:
    """Tell in SQL whether there is a breaker of an account or of its portal, open or counting."""
    own = and_(breakers.c.scope != Scope.PORTAL.value, breakers.c.scope_id == accounts.c.id)
    portal = and_(breakers.c.scope == Scope.PORTAL.value, breakers.c.scope_id == accounts.c.portal_id)
    return select(breakers.c.scope).where(or_(own, portal)).correlate(accounts).exists()
