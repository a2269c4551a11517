"""Signs of life, and of trouble: who was last seen when, and since when without a pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from app.storage.clock import now
from app.storage.dialects import insert_or_ignore
from app.storage.tables import envelopes, heartbeats

if TYPE_CHECKING:
    from sqlalchemy import Connection


#: So many ids are looked at again: one that was drawn earlier may be committed later.
_OVERTAKEN = 100


@dataclass(frozen=True)
class Sign:
    """A sign, seconds since 1970 by the database's clock, which says ``now``. ``since``: when it was first seen."""

    since: float
    at: float
    now: float

    @property
    def is_new(self) -> bool:
        """Whether there has been no other sign than the first."""
        return self.at == self.since


def get(connection: Connection, name: str) -> Sign | None:
    """Return a sign; None: it was never seen."""
    query = select(heartbeats.c.since, heartbeats.c.at, now().label("now")).where(heartbeats.c.name == name)
    row = connection.execute(query).one_or_none()
    return Sign(row.since, row.at, row.now) if row else None


def beat(connection: Connection, name: str) -> float:
    """Give a sign. Returns the seconds since the one before, 0 for the first: several may give the same one."""
    first = {"name": name, "since": now(), "at": now(), "seen": 0}
    connection.execute(insert_or_ignore(connection.dialect.name, heartbeats).values(**first))
    mine = heartbeats.c.name == name
    query = select(heartbeats.c.at, now().label("now")).where(mine).with_for_update()
    row = connection.execute(query).one()
    connection.execute(update(heartbeats).where(mine).values(at=now()))
    return max(0.0, float(row.now - row.at))


def forget(connection: Connection, name: str) -> None:
    """Forget a sign."""
    connection.execute(delete(heartbeats).where(heartbeats.c.name == name))


def once(connection: Connection, name: str, at: float) -> bool:
    """Remember that something of this time was told. Returns False when it had been before, by whomever."""
    first = {"name": name, "since": 0.0, "at": 0.0, "seen": 0}
    connection.execute(insert_or_ignore(connection.dialect.name, heartbeats).values(**first))
    news = (heartbeats.c.name == name, heartbeats.c.at != at)
    return connection.execute(update(heartbeats).where(*news).values(at=at)).rowcount == 1


def has_news(connection: Connection, name: str) -> bool:
    """Tell whether envelopes came since a sign was last looked for, or it never was."""
    seen = connection.execute(select(heartbeats.c.seen).where(heartbeats.c.name == name)).scalar_one_or_none()
    newest = connection.execute(select(func.max(envelopes.c.id))).scalar_one() or 0
    return seen is None or newest > seen


def look_for_webhooks(connection: Connection, name: str, source: str) -> Sign:
    """Take the newest envelope of a source for its sign, and return it; before the first one it is the time of now.

    Only envelopes that came since the last look are looked at. ``at`` is ``since`` as long as none came.
    """
    at_first = connection.execute(select(now())).scalar_one()
    first = {"name": name, "since": at_first, "at": at_first, "seen": 0}
    connection.execute(insert_or_ignore(connection.dialect.name, heartbeats).values(**first))
    mine = heartbeats.c.name == name
    seen = connection.execute(select(heartbeats.c.seen).where(mine).with_for_update()).scalar_one()
    newest = connection.execute(select(func.max(envelopes.c.id))).scalar_one() or 0
    came = select(func.max(envelopes.c.received_at)).where(
        envelopes.c.id > seen - _OVERTAKEN, envelopes.c.source == source
    )
    at = connection.execute(came).scalar_one()
    if newest > seen:
        values = {"seen": newest} if at is None else {"seen": newest, "at": at}
        connection.execute(update(heartbeats).where(mine).values(**values))
    found = get(connection, name)
    assert found is not None  # noqa: S101 - it was made in this transaction
    return found
