"""Accounts that were removed, at HubSpot or here: when, what they still have queued, and how they come back.

A move to another inbox is a removal and a new account of HubSpot's. So what is queued waits a while, and the account
takes the new id instead of being a new one: its threads go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, case, delete, func, select, update

from app.domain.account import RunState
from app.domain.lane import LaneKind
from app.domain.status import Status
from app.storage import accounts as rows
from app.storage import breakers, lanes
from app.storage.accounts import Side
from app.storage.breakers import Key, Scope
from app.storage.clock import now
from app.storage.dialects import insert_or_ignore
from app.storage.messages import unheld
from app.storage.tables import accounts, former_accounts, messages
from app.storage.tables import lanes as lane_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

_PURGED = RunState.PURGED.value


def remove(connection: Connection, account_id: int, *, hint: str) -> bool:
    """Stop an account for good, unless it is connected anew. Returns False when it was removed before.

    Its HubSpot side counts as running from now on: what became of agents' messages can still be told.
    """
    where = and_(accounts.c.id == account_id, accounts.c.state != _PURGED)
    values = {"state": _PURGED, "hint": hint, "removed_at": now(), "state_before": accounts.c.state}
    removed = connection.execute(update(accounts).where(where).values(**values)).rowcount == 1
    if removed:
        rows.resume_side(connection, account_id, Side.HUBSPOT)
        breakers.drop(connection, Key(Scope.SERVICE, account_id))
    return removed


def wipe(connection: Connection, account_id: int) -> None:
    """Forget a removed account's credentials, and do not wait for it to come back."""
    values = {"credentials": "", "credentials_version": accounts.c.credentials_version + 1, "removed_at": 0.0}
    connection.execute(
        update(accounts).where(accounts.c.id == account_id, accounts.c.state == _PURGED).values(**values)
    )


def revive(connection: Connection, account_id: int) -> bool:
    """Let a removed account go on as it stood before; what it has queued is due now. False: it was not removed."""
    where = and_(accounts.c.id == account_id, accounts.c.state == _PURGED)
    paused = accounts.c.state_before == RunState.PAUSED.value
    hint = case((paused, "An operator paused this account before it was removed and connected anew."), else_="")
    values = {"state": accounts.c.state_before, "hint": hint, "removed_at": None, "state_before": "running"}
    revived = connection.execute(update(accounts).where(where).values(**values)).rowcount == 1
    if revived:
        lanes.wake_account(connection, account_id)
    return revived


def take_id(connection: Connection, account_id: int, hubspot_id: str) -> None:
    """Give an account another id at HubSpot, and remember the one of before."""
    row = rows.get(connection, account_id)
    if row is None or row.hubspot_id == hubspot_id:
        return
    place = {"portal_id": row.portal_id, "channel_id": row.channel_id}
    if row.hubspot_id.isdecimal():  # an id of our own was never at HubSpot
        former = {**place, "hubspot_id": row.hubspot_id, "account_id": row.id}
        connection.execute(insert_or_ignore(connection.dialect.name, former_accounts).values(**former))
    now_its_own = and_(*(former_accounts.c[name] == value for name, value in place.items()))
    connection.execute(delete(former_accounts).where(now_its_own, former_accounts.c.hubspot_id == hubspot_id))
    fresh = {"hubspot_id": hubspot_id, "authorized": True}  # as HubSpot makes accounts
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(**fresh))


def queued(connection: Connection, *, grace: float, limit: int) -> list[int]:
    """Return messages that wait in accounts which were removed more than ``grace`` seconds ago, and that no call holds.

    Account events are not among them: they are what brings an account back.
    """
    query = (
        select(messages.c.id)
        .join(lane_table, lane_table.c.id == messages.c.lane_id)
        .join(accounts, accounts.c.id == lane_table.c.account_id)
        .where(messages.c.status == Status.PENDING.value, _is_over(grace), unheld())
        .where(lane_table.c.kind != LaneKind.CONTROL.value)
        .order_by(messages.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def cancel(connection: Connection, message_id: int, *, grace: float, hint: str) -> bool:
    """End a message of a removed account. False: a call holds it, it has ended, or the account came back meanwhile."""
    removed = select(accounts.c.id).where(_is_over(grace)).scalar_subquery()
    values = {"status": Status.CANCELLED.value, "reason": "removed", "hint": hint, "finished_at": now()}
    statement = (
        update(messages)
        .where(messages.c.id == message_id, messages.c.status == Status.PENDING.value, unheld())
        .where(messages.c.account_id.in_(removed))
        .values(**values)
    )
    return connection.execute(statement).rowcount == 1


def _is_over(grace: float) -> ColumnElement[bool]:
    """Tell in SQL that an account was removed so long ago; older releases wrote down no time."""
    return and_(accounts.c.state == _PURGED, func.coalesce(accounts.c.removed_at, 0.0) <= now() - grace)
