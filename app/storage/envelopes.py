"""Envelopes: requests stored as they arrived, and the items in them that were not understood."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from app.domain.webhook import RawRequest
from app.storage.clock import now
from app.storage.dialects import insert_or_ignore
from app.storage.tables import accounts, envelopes, unopened
from app.storage.text import glimpse, storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

#: There is no index by source; so many envelopes are looked through at once.
_LOOKED_AT = 10_000


@dataclass(frozen=True)
class Stored:
    """A stored envelope: its id, and the database's time when it came. No id: what is stored came in no request."""

    id: int | None
    received_at: float


def store(
    connection: Connection, raw: RawRequest, *, source: str, dedupe: str, account_id: int | None
) -> Stored | None:
    """Store a request. None: the same delivery is here already."""
    given = {
        "source": source,
        "account_id": account_id,
        "dedupe": storable(dedupe),
        "method": raw.method,
        "url": storable(raw.url),
        "path": storable(raw.path),
        "query": storable(raw.query),
        "headers": storable(dict(raw.headers)),
        "body": raw.body,
    }
    row = connection.execute(_storing(connection.dialect.name), given).one_or_none()
    return Stored(row.id, row.received_at) if row else None


@cache
def _storing(dialect: str) -> Any:
    statement = insert_or_ignore(dialect, envelopes).values(received_at=now())
    return statement.returning(envelopes.c.id, envelopes.c.received_at)


@dataclass(frozen=True)
class Envelope:
    """A stored request, with where it came from."""

    id: int
    source: str
    account_id: int | None
    raw: RawRequest
    received_at: float


def get(connection: Connection, envelope_id: int) -> Envelope | None:
    """Return an envelope."""
    row = connection.execute(select(envelopes).where(envelopes.c.id == envelope_id)).one_or_none()
    if row is None:
        return None
    raw = RawRequest(row.method, row.url, row.path, row.query, row.headers, bytes(row.body))
    return Envelope(row.id, row.source, row.account_id, raw, row.received_at)


def take_away(connection: Connection, source: str, dedupe: str) -> bool:
    """Delete an envelope without messages. Returns False when there is none."""
    mine = (envelopes.c.dedupe == dedupe, envelopes.c.source == source)
    return connection.execute(delete(envelopes).where(*mine)).rowcount == 1


def since_last(connection: Connection, source: str) -> float | None:
    """Return the seconds since the last request of a source, None where none is among the newest ``_LOOKED_AT``."""
    newest = select(envelopes.c.source, envelopes.c.received_at).order_by(envelopes.c.id.desc()).limit(_LOOKED_AT)
    looked_at = newest.subquery()
    query = select(now() - func.max(looked_at.c.received_at)).where(looked_at.c.source == source)
    return connection.execute(query).scalar()


@dataclass(frozen=True)
class Item:
    """An item that was not understood. ``waits_for``: the account that has to appear first, if that is why."""

    position: int
    reason: str
    raw: Any
    waits_for: str | None = None


def keep_unopened(connection: Connection, envelope_id: int, items: Sequence[Item]) -> None:
    """Keep items for later."""
    if items:
        rows = [
            {"envelope_id": envelope_id, "created_at": now(), "position": i.position}
            | {"reason": storable(i.reason), "raw": glimpse(i.raw), "waits_for": i.waits_for}
            for i in items
        ]
        for row in rows:
            connection.execute(insert(unopened).values(**row))


def forget_unopened(connection: Connection, envelope_id: int) -> None:
    """Drop an envelope's unopened items, before it is opened anew."""
    connection.execute(delete(unopened).where(unopened.c.envelope_id == envelope_id))


def waiting_for(connection: Connection, what: str) -> list[int]:
    """Return the envelopes with items that wait for this account, oldest first."""
    query = select(unopened.c.envelope_id).where(unopened.c.waits_for == what).distinct()
    return sorted(connection.execute(query).scalars())


@dataclass(frozen=True)
class UnopenedRow:
    """One line of ``relay envelopes list``."""

    id: int
    envelope_id: int
    source: str
    account: str | None
    reason: str
    created_at: float


def unopened_items(connection: Connection, *, limit: int = 100) -> list[UnopenedRow]:
    """Return what was not understood, newest first."""
    query = (
        select(
            unopened.c.id,
            unopened.c.envelope_id,
            envelopes.c.source,
            accounts.c.name.label("account"),
            unopened.c.reason,
            unopened.c.created_at,
        )
        .join(envelopes, envelopes.c.id == unopened.c.envelope_id)
        .outerjoin(accounts, accounts.c.id == envelopes.c.account_id)
        .order_by(unopened.c.id.desc())
        .limit(limit)
    )
    return [UnopenedRow(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - public in SQLAlchemy


def unopened_envelopes(connection: Connection) -> list[int]:
    """Return every envelope that holds something not understood, oldest first."""
    return sorted(connection.execute(select(unopened.c.envelope_id).distinct()).scalars())


def count_unopened(connection: Connection) -> int:
    """Count items that were not understood."""
    return int(connection.execute(select(func.count()).select_from(unopened)).scalar_one())
