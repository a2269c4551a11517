"""The order within a lane: what it let pass, behind what nothing stands, and the times at which messages are shown."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Double, bindparam, case, func, or_, select, update

from app.domain.status import Status
from app.storage.tables import lanes, messages

if TYPE_CHECKING:
    from sqlalchemy import Update
    from sqlalchemy.sql.dml import ReturningUpdate

_MILLISECOND = 0.001


def pass_order(connection: Connection, lane_id: int, order_key: int) -> None:
    """Remember the order key of a message that begins, so that one with an earlier key is marked late."""
    connection.execute(_passing(), {"lane": lane_id, "order_key": order_key})


def last_order(connection: Connection, lane_id: int, least: int) -> int:
    """Return an order key behind which nothing stands in a lane now; among equal ones the later row comes later."""
    waiting = select(func.max(messages.c.order_key)).where(
        messages.c.lane_id == lane_id, messages.c.status == Status.PENDING.value
    )
    passed = select(lanes.c.passed).where(lanes.c.id == lane_id)
    found = (connection.execute(one).scalar_one_or_none() for one in (waiting, passed))
    return max([least, *(int(one) for one in found if one is not None)])


@cache
def _passing() -> Update:
    key = bindparam("order_key", type_=BigInteger())
    later = or_(lanes.c.passed.is_(None), lanes.c.passed < key)
    return update(lanes).where(lanes.c.id == bindparam("lane"), later).values(passed=key)


def date(connection: Connection, lane_id: int, at: float) -> float:
    """Return the time at which a lane's next message is shown: its own, or a millisecond after that of the one before.

    Some services tell whole seconds, and HubSpot sorts by time.
    """
    return float(connection.execute(_dating(), {"lane": lane_id, "at": at}).scalar_one())


@cache
def _dating() -> ReturningUpdate[Any]:
    at: ColumnElement[float] = bindparam("at", type_=Double())
    rising = case((lanes.c.dated >= at, lanes.c.dated + _MILLISECOND), else_=at)
    return update(lanes).where(lanes.c.id == bindparam("lane")).values(dated=rising).returning(lanes.c.dated)
