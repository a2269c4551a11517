"""Bytes that services are given: when they may go, and, where no folder is set for them, the bytes themselves.

They are written and read piece by piece, each batch of pieces in a transaction of its own, so that no file is in memory
and no other writer waits for a whole one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from sqlalchemy import and_, delete, exists, func, insert, or_, select, update

from app.domain.status import Status
from app.storage.clock import now
from app.storage.tables import dead_letters, media, media_chunks, messages, stored_media

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import ColumnElement, Connection

    from app.storage.database import Database

#: Bytes of a chunk, and chunks of one transaction.
CHUNK = 262_144
_BATCH = 4
#: What is not complete after this time (seconds) never will be: its worker died.
_UNFINISHED = 3600.0
_RETIRED = {"kept_until": 0.0, "sameness": ""}


@dataclass(frozen=True)
class Stored:
    """Complete bytes of the store: what they are for the reader, with the extension that their names have."""

    id: int
    kind: str
    suffix: str
    mime: str
    size: int


def begin(connection: Connection) -> int:
    """Make room for bytes that are about to be written."""
    row = insert(stored_media).values(kept_until=now() + _UNFINISHED)
    return int(connection.execute(row.returning(stored_media.c.id)).scalar_one())


def complete(connection: Connection, stored: Stored, *, sameness: str, keep: float) -> None:
    """Say that all bytes are there; they are kept for at least ``keep`` seconds."""
    found = {name: getattr(stored, name) for name in ("kind", "suffix", "mime", "size")}
    values = {**found, "sameness": sameness, "kept_until": now() + keep}
    connection.execute(update(stored_media).where(stored_media.c.id == stored.id).values(**values))


def find_same(connection: Connection, sameness: str, *, keep: float) -> Stored | None:
    """Return what is stored already, and keep it for ``keep`` seconds from now at least."""
    row = connection.execute(_COMPLETE.where(stored_media.c.sameness == sameness).limit(1)).one_or_none()
    return Stored(*row) if row and extend(connection, row.id, keep=keep) else None


def get(connection: Connection, stored_id: int) -> Stored | None:
    """Return complete bytes; None: they are gone."""
    row = connection.execute(_COMPLETE.where(stored_media.c.id == stored_id)).one_or_none()
    return Stored(*row) if row else None


_COMPLETE = select(*(stored_media.c[name] for name in Stored.__dataclass_fields__)).where(stored_media.c.sameness != "")


def extend(connection: Connection, stored_id: int, *, keep: float) -> bool:
    """Keep bytes for ``keep`` seconds from now at least. False: they are gone."""
    longer = func.max if connection.dialect.name == "sqlite" else func.greatest
    values = {"kept_until": longer(stored_media.c.kept_until, now() + keep)}
    where = (stored_media.c.id == stored_id, stored_media.c.sameness != "")
    return connection.execute(update(stored_media).where(*where).values(**values)).rowcount == 1


def let_go(connection: Connection, whose: ColumnElement[bool]) -> None:
    """Give up what only these attachments use: the database's bytes now, those of a folder when it is swept."""
    others = exists().where(media.c.stored_id == stored_media.c.id, ~whose)
    theirs = select(media.c.stored_id).where(whose, media.c.stored_id.is_not(None))
    gone = select(stored_media.c.id).where(stored_media.c.id.in_(theirs), ~others)
    ids = list(connection.execute(gone).scalars())
    connection.execute(delete(media_chunks).where(media_chunks.c.stored_id.in_(ids)))
    connection.execute(update(stored_media).where(stored_media.c.id.in_(ids)).values(**_RETIRED))


def is_any_over(connection: Connection) -> bool:
    """Tell whether there is something to retire."""
    return connection.execute(select(stored_media.c.id).where(_over()).limit(1)).first() is not None


def retire(connection: Connection, *, limit: int) -> list[int]:
    """Return what nobody may use any more: its time is over, and no message with it waits to be sent or replayed."""
    first = select(stored_media.c.id).where(_over()).order_by(stored_media.c.kept_until).limit(limit)
    ids = list(connection.execute(first).scalars())
    where = (stored_media.c.id.in_(ids), stored_media.c.kept_until <= now())
    return list(
        connection.execute(update(stored_media).where(*where).values(**_RETIRED).returning(stored_media.c.id)).scalars()
    )


def _over() -> ColumnElement[bool]:
    letter = exists().where(dead_letters.c.message_id == messages.c.id, dead_letters.c.replayed_at.is_(None))
    waits = or_(messages.c.status == Status.PENDING.value, letter)
    used = exists().where(media.c.stored_id == stored_media.c.id, media.c.message_id == messages.c.id, waits)
    return and_(stored_media.c.kept_until <= now(), ~used)


def forget(connection: Connection, ids: Collection[int]) -> None:
    """Forget bytes that were deleted."""
    wanted = sorted(ids)
    connection.execute(update(media).where(media.c.stored_id.in_(wanted)).values(stored_id=None))
    connection.execute(delete(stored_media).where(stored_media.c.id.in_(wanted)))


def total(connection: Connection) -> int:
    """Return how many bytes are kept."""
    return int(connection.execute(select(func.coalesce(func.sum(stored_media.c.size), 0))).scalar_one())


class DatabaseStore:
    """Keeps the bytes in the database, so that every machine that reaches it has them. See ``app.media.store``."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def write(self, stored_id: int, source: BinaryIO) -> None:
        """Keep all of a file; one that was written in part is written anew."""
        with self._database.write() as connection:
            connection.execute(delete(media_chunks).where(media_chunks.c.stored_id == stored_id))
        pieces = enumerate(iter(lambda: source.read(CHUNK), b""))
        while batch := list(itertools.islice(pieces, _BATCH)):
            rows = [{"stored_id": stored_id, "position": position, "bytes": piece} for position, piece in batch]
            with self._database.write() as connection:
                connection.execute(insert(media_chunks), rows)

    def read(self, stored_id: int, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield ``length`` bytes from ``start`` on, all that follow where it is None; fewer where they end before."""
        position, skip = divmod(start, CHUNK)
        left = length
        while left is None or left > 0:
            piece = self._chunk(stored_id, position)[skip:][:left]
            if not piece:
                return
            yield piece
            left = None if left is None else left - len(piece)
            position, skip = position + 1, 0

    def _chunk(self, stored_id: int, position: int) -> bytes:
        where = (media_chunks.c.stored_id == stored_id, media_chunks.c.position == position)
        with self._database.read() as connection:
            found = connection.execute(select(media_chunks.c.bytes).where(*where)).scalar_one_or_none()
        return bytes(found or b"")

    def delete(self, stored_id: int) -> None:
        """Delete the bytes."""
        with self._database.write() as connection:
            connection.execute(delete(media_chunks).where(media_chunks.c.stored_id == stored_id))
