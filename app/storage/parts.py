"""Parts of messages: what goes in one call each, written once before the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, insert, select

from app.domain.part import PartContent
from app.storage.clock import now
from app.storage.tables import messages, parts

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class PartRow:
    """A part of a message, as stored."""

    id: int
    position: int
    state: str
    attempt_id: str | None
    content: PartContent


_PARTS = (
    select(parts.c.id, parts.c.position, parts.c.state, parts.c.attempt_id, parts.c.content)
    .where(parts.c.message_id == bindparam("message"))
    .order_by(parts.c.position)
)
_WAITS = (
    select(messages.c.not_before > now()).where(messages.c.id == bindparam("message")).with_for_update(key_share=True)
)
_WRITE_PARTS = insert(parts).returning(parts.c.id, parts.c.position, parts.c.state)


def read_parts(connection: Connection, message_id: int) -> tuple[PartRow, ...]:
    """Return a message's parts in order."""
    rows = connection.execute(_PARTS, {"message": message_id})
    return tuple(
        PartRow(row.id, row.position, row.state, row.attempt_id, PartContent.model_validate(row.content))
        for row in rows
    )


def write_parts(connection: Connection, message_id: int, contents: Sequence[PartContent]) -> tuple[PartRow, ...]:
    """Write a message's parts, once: whoever comes second gets what the first wrote.

    None are written where the message has to wait again: more came to it since it was read.
    """
    if connection.execute(_WAITS, {"message": message_id}).scalar_one():
        return ()
    if found := read_parts(connection, message_id):
        return found
    rows = [
        {"message_id": message_id, "position": position, "content": one.model_dump(mode="json", exclude_none=True)}
        for position, one in enumerate(contents)
    ]
    written = sorted(connection.execute(_WRITE_PARTS, rows), key=lambda row: row.position)
    return tuple(PartRow(row.id, row.position, row.state, None, contents[row.position]) for row in written)
