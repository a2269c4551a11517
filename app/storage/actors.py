"""Names of HubSpot's actors, kept for a while. The stored times are the database's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select, update

from app.storage.clock import now
from app.storage.dialects import insert_or_ignore
from app.storage.tables import actors
from app.storage.text import storable

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


@dataclass(frozen=True)
class KnownActor:
    """``name`` is good for ``fresh_for`` seconds; somebody has the right to ask for it for ``asked_for`` seconds."""

    name: str
    fresh_for: float
    asked_for: float


def get(connection: Connection, portal_id: int, actor_id: str) -> KnownActor | None:
    """Return what is known of an actor."""
    left = [func.coalesce(column - now(), 0.0) for column in (actors.c.fresh_until, actors.c.asked_until)]
    query = select(actors.c.name, *left).where(_is(portal_id, actor_id))
    row = connection.execute(query).one_or_none()
    return KnownActor(*row) if row else None


def claim(connection: Connection, portal_id: int, actor_id: str, *, lease: float) -> bool:
    """Take the right to ask for an actor for so many seconds. False: somebody else has it."""
    row = {"portal_id": portal_id, "actor_id": actor_id, "name": ""}
    connection.execute(insert_or_ignore(connection.dialect.name, actors).values(**row))
    free = or_(actors.c.asked_until.is_(None), actors.c.asked_until <= now())
    statement = update(actors).where(_is(portal_id, actor_id), free).values(asked_until=now() + lease)
    return connection.execute(statement).rowcount == 1


def store(connection: Connection, portal_id: int, actor_id: str, name: str, *, keep: float) -> None:
    """Store the name that HubSpot told, empty where it shows none, for so many seconds."""
    values = {"name": storable(name), "fresh_until": now() + keep, "asked_until": None}
    connection.execute(update(actors).where(_is(portal_id, actor_id)).values(**values))


def rest(connection: Connection, portal_id: int, actor_id: str, *, seconds: float) -> None:
    """Let the name stay as it is for a while, after HubSpot did not tell."""
    values = {"fresh_until": now() + seconds, "asked_until": None}
    connection.execute(update(actors).where(_is(portal_id, actor_id)).values(**values))


def _is(portal_id: int, actor_id: str) -> ColumnElement[bool]:
    return and_(actors.c.portal_id == portal_id, actors.c.actor_id == actor_id)
