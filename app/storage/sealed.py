"""Every sealed text in the database, wherever it stands: for whoever looks after the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, select, update

from app.storage.tables import accounts, portals

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: The columns that hold sealed text, by what people call a row of theirs. An empty text was deleted.
_COLUMNS: Final[tuple[tuple[str, Column[Any]], ...]] = (
    ("account", accounts.c.credentials),
    ("portal", portals.c.refresh_token),
    ("portal", portals.c.access_token),
)


@dataclass(frozen=True)
class Sealed:
    """A sealed text and where it stands: ``whose`` for people, ``column`` (its place in the list) and ``row``."""

    whose: str
    column: int
    row: int
    text: str


def every(connection: Connection) -> list[Sealed]:
    """Return every sealed text."""
    return [
        Sealed(f"{kind} {row.id}", position, row.id, row.text)
        for position, (kind, column) in enumerate(_COLUMNS)
        for row in connection.execute(select(column.table.c.id, column.label("text")).order_by(column.table.c.id))
        if row.text
    ]


def replace(connection: Connection, sealed: Sealed, text: str) -> bool:
    """Store another text in place of exactly this one. False: somebody stored a third one meanwhile, which stays.

    The version of the row stays, too: what it holds is the same, and a refresh under way may still be stored.
    """
    _, column = _COLUMNS[sealed.column]
    where = (column.table.c.id == sealed.row, column == sealed.text)
    return connection.execute(update(column.table).where(*where).values({column.name: text})).rowcount == 1
