"""Portals: HubSpot customer accounts and their sealed tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, or_, select, update

from app.domain.account import RunState
from app.storage import breakers
from app.storage.breakers import Key, Scope
from app.storage.clock import now
from app.storage.dialects import upsert
from app.storage.tables import portals
from app.storage.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class Portal:
    """One portal; tokens are sealed, ``expires_in`` is the access token's remaining life in seconds."""

    id: int
    name: str
    refresh_token: str
    access_token: str | None
    expires_in: float
    token_version: int
    state: RunState
    hint: str


_COLUMNS = (
    portals.c.id,
    portals.c.name,
    portals.c.refresh_token,
    portals.c.access_token,
    (portals.c.access_expires_at - now()).label("expires_in"),
    portals.c.token_version,
    portals.c.state,
    portals.c.hint,
)


_BY_ID = select(*_COLUMNS).where(portals.c.id == bindparam("portal"))


def _portal(row: Any) -> Portal:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["expires_in"] = values["expires_in"] or 0.0
    return Portal(**{**values, "state": RunState(values["state"])})


def get(connection: Connection, portal_id: int) -> Portal | None:
    """Return a portal."""
    row = connection.execute(_BY_ID, {"portal": portal_id}).one_or_none()
    return _portal(row) if row else None


def every(connection: Connection) -> list[Portal]:
    """Return all portals by id."""
    return [_portal(row) for row in connection.execute(select(*_COLUMNS).order_by(portals.c.id))]


def add(connection: Connection, portal_id: int, *, name: str, refresh_token: str) -> None:
    """Add a portal, or give one that is there its new refresh token and let it run again.

    Accounts, threads and queued work are kept.
    """
    fresh = {"refresh_token": refresh_token, "access_token": None, "access_expires_at": None}
    fresh |= {"refresh_owner": None, "refresh_lease": None}  # who refreshes the old token may not delay the new one
    statement = upsert(connection.dialect.name, portals).values(
        id=portal_id, name=name, token_version=0, state="running", hint="", full=False, created_at=now(), **fresh
    )
    again = {**fresh, "token_version": portals.c.token_version + 1, "state": RunState.RUNNING.value, "hint": ""}
    if name:
        again["name"] = name
    breakers.drop(connection, Key(Scope.PORTAL, portal_id))
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=again))


def lease_refresh(connection: Connection, portal: Portal, *, owner: str, lease: float) -> bool:
    """Take the right to refresh this version of a portal's token. False: somebody else has it or was faster."""
    free = or_(portals.c.refresh_lease.is_(None), portals.c.refresh_lease <= now())
    mine = (portals.c.id == portal.id, portals.c.token_version == portal.token_version, free)
    statement = update(portals).where(*mine).values(refresh_owner=owner, refresh_lease=now() + lease)
    return connection.execute(statement).rowcount == 1


@dataclass(frozen=True)
class SealedTokens:
    """What a refresh brought, sealed. ``expires_in`` is seconds."""

    access_token: str
    refresh_token: str
    expires_in: float


def store_tokens(connection: Connection, portal: Portal, tokens: SealedTokens) -> bool:
    """Store refreshed tokens as the next version, unless the portal was installed anew meanwhile."""
    statement = (
        update(portals)
        .where(portals.c.id == portal.id, portals.c.token_version == portal.token_version)
        .values(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            access_expires_at=now() + tokens.expires_in,
            token_version=portals.c.token_version + 1,
            refresh_owner=None,
            refresh_lease=None,
        )
    )
    return connection.execute(statement).rowcount == 1


def drop_refresh_lease(connection: Connection, portal_id: int, *, owner: str) -> None:
    """Let others refresh after a refresh that failed."""
    mine = (portals.c.id == portal_id, portals.c.refresh_owner == owner)
    connection.execute(update(portals).where(*mine).values(refresh_owner=None, refresh_lease=None))


def pause(connection: Connection, portal_id: int, *, hint: str, version: int | None = None) -> bool:
    """Pause a portal. With ``version``: only if that is still its token's version. Returns True when it paused now."""
    where = [portals.c.id == portal_id, portals.c.state == RunState.RUNNING.value]
    if version is not None:
        where.append(portals.c.token_version == version)
    return connection.execute(update(portals).where(*where).values(state="paused", hint=storable(hint))).rowcount == 1


def resume(connection: Connection, portal_id: int) -> bool:
    """Let a portal run again. Returns False when there is no such portal."""
    breakers.drop(connection, Key(Scope.PORTAL, portal_id))
    statement = update(portals).where(portals.c.id == portal_id).values(state=RunState.RUNNING.value, hint="")
    return connection.execute(statement).rowcount == 1
