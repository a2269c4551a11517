"""Until when each portal was compared with HubSpot, who compares it now, and who is asked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select, update

from app.domain.account import RunState
from app.storage.clock import now
from app.storage.dialects import insert_or_ignore
from app.storage.tables import portals, reconciled

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection


#: Before every time that is stored.
_NEVER = 0.0


@dataclass(frozen=True)
class Mark:
    """Where a portal's comparison stands; times are seconds since 1970 by the database's clock, which says ``now``.

    ``until``: everything before was compared; None: nothing ever was. ``wanted_since``: a comparison is asked for from
    then on. ``oldest_left``: the oldest message that was left because of its age.
    """

    now: float
    until: float | None = None
    wanted_since: float | None = None
    oldest_left: float | None = None


_COLUMNS = (now().label("now"), *(reconciled.c[name] for name in ("until", "wanted_since", "oldest_left")))


def mark(connection: Connection, portal_id: int) -> Mark:
    """Return where a portal stands, whoever compares it."""
    row = connection.execute(select(*_COLUMNS).where(reconciled.c.portal_id == portal_id)).one_or_none()
    found = row or connection.execute(select(now().label("now"))).one()
    return Mark(**found._mapping)  # noqa: SLF001 - public in SQLAlchemy


def take(connection: Connection, portal_id: int, *, owner: str, lease: float) -> Mark | None:
    """Take a portal for ``lease`` seconds. None: somebody else compares it."""
    connection.execute(insert_or_ignore(connection.dialect.name, reconciled).values(portal_id=portal_id, reason=""))
    free = or_(reconciled.c.owner.is_(None), reconciled.c.lease <= now())
    mine = update(reconciled).where(reconciled.c.portal_id == portal_id, free)
    taken = connection.execute(mine.values(owner=owner, lease=now() + lease)).rowcount == 1
    return mark(connection, portal_id) if taken else None


def renew(connection: Connection, portal_id: int, *, owner: str, lease: float) -> bool:
    """Keep a portal for another ``lease`` seconds. False: it was taken over."""
    mine = (reconciled.c.portal_id == portal_id, reconciled.c.owner == owner)
    return connection.execute(update(reconciled).where(*mine).values(lease=now() + lease)).rowcount == 1


@dataclass(frozen=True)
class Outcome:
    """How a comparison ended.

    ``until``: the new mark, None: the old one holds. ``answers``: requests up to this time are answered. None: they
    stay, because it came to nothing.
    """

    until: float | None
    answers: float | None
    oldest_left: float | None


def give_back(connection: Connection, portal_id: int, *, owner: str, outcome: Outcome) -> None:
    """Let others compare a portal again, and record how this comparison ended."""
    answered = reconciled.c.wanted_at <= (_NEVER if outcome.answers is None else outcome.answers)
    values = {
        "until": func.coalesce(outcome.until, reconciled.c.until),
        "wanted_at": case((answered, None), else_=reconciled.c.wanted_at),
        "wanted_since": case((answered, None), else_=reconciled.c.wanted_since),
        "oldest_left": outcome.oldest_left,
    }
    mine = (reconciled.c.portal_id == portal_id, reconciled.c.owner == owner)
    connection.execute(update(reconciled).where(*mine).values(**values, owner=None, lease=None, ran_at=now()))


def want(connection: Connection, *, reason: str, portal_id: int | None = None, since: float | None = None) -> None:
    """Ask for a comparison of a portal, or of all, from ``since`` on; without it from the mark on."""
    every = select(portals.c.id).where(portals.c.id == portal_id) if portal_id is not None else select(portals.c.id)
    ids = sorted(connection.execute(every).scalars())
    if not ids:
        return
    rows = [{"portal_id": one, "reason": ""} for one in ids]
    connection.execute(insert_or_ignore(connection.dialect.name, reconciled), rows)
    theirs = reconciled.c.portal_id.in_(ids)
    connection.execute(select(reconciled.c.portal_id).where(theirs).order_by(reconciled.c.portal_id).with_for_update())
    connection.execute(update(reconciled).where(theirs).values(wanted_at=now(), reason=reason))
    if since is not None:
        later = or_(reconciled.c.wanted_since.is_(None), reconciled.c.wanted_since > since)
        connection.execute(update(reconciled).where(theirs, later).values(wanted_since=since))


@dataclass(frozen=True)
class Due:
    """A portal that is to be compared, and why."""

    portal_id: int
    reason: str


def due(connection: Connection, *, least_pause: float, routine: float) -> list[Due]:
    """Return the portals that run and are to be compared, those that were asked for first.

    None again within ``least_pause`` seconds; every ``routine`` seconds (0: never) also without being asked for.
    """
    rested = or_(reconciled.c.ran_at.is_(None), reconciled.c.ran_at <= now() - least_pause)
    wanted = reconciled.c.wanted_at.is_not(None)
    old = or_(reconciled.c.ran_at.is_(None), reconciled.c.ran_at <= now() - routine)
    free = or_(reconciled.c.owner.is_(None), reconciled.c.lease <= now())
    query = (
        select(portals.c.id, case((wanted, reconciled.c.reason), else_="routine").label("reason"))
        .outerjoin(reconciled, reconciled.c.portal_id == portals.c.id)
        .where(portals.c.state == RunState.RUNNING.value, rested, free)
        .where(or_(wanted, old) if routine else wanted)
        .order_by(wanted.desc(), portals.c.id)
    )
    return [Due(row.id, row.reason) for row in connection.execute(query)]


def wanted(connection: Connection, portal_ids: Collection[int], *, longer_than: float) -> list[int]:
    """Return those portals whose comparison has been asked for so many seconds ago and has not come to an end."""
    late = and_(reconciled.c.wanted_at.is_not(None), reconciled.c.wanted_at <= now() - longer_than)
    query = select(reconciled.c.portal_id).where(late, reconciled.c.portal_id.in_(portal_ids))
    return sorted(connection.execute(query).scalars())
