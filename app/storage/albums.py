"""Which messages of a service have become one: an album waits for its items as long as nobody has begun to send it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, insert, select, update

from app.domain.message import Content
from app.domain.status import Status
from app.storage.clock import now
from app.storage.tables import album_items, messages, parts
from app.storage.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class Open:
    """A message that an album's further items join."""

    id: int
    content: Content
    order_key: int


def is_known(connection: Connection, identity: str) -> bool:
    """Tell whether an item has been taken before, into whichever message."""
    return bool(connection.execute(select(exists().where(album_items.c.identity == identity))).scalar_one())


def find_open(connection: Connection, lane_id: int, album: str) -> Open | None:
    """Return the lane's message of an album that is still to be sent, and keep it so until the transaction ends.

    The row is locked first and looked at in a second statement: what was written while the first one waited is not
    seen by it (PostgreSQL). One that has begun is not locked: who ends its call may wait for our thread's row.
    """
    of_it = select(album_items.c.message_id).where(album_items.c.album == album)
    waits = (messages.c.status == Status.PENDING.value, messages.c.begun.is_(False))
    mine = select(messages.c.id).where(messages.c.lane_id == lane_id, messages.c.id.in_(of_it), *waits)
    locked = connection.execute(mine.order_by(messages.c.id).with_for_update(key_share=True)).scalars().all()
    written = exists().where(parts.c.message_id == messages.c.id)
    query = select(messages.c.id, messages.c.content, messages.c.order_key)
    row = connection.execute(query.where(messages.c.id.in_(locked), ~written).limit(1)).one_or_none()
    return Open(row.id, Content.model_validate(row.content), row.order_key) if row else None


def grow(connection: Connection, message_id: int, content: Content, *, order_key: int, wait: float) -> None:
    """Put what an album says now in the place of what it said, and let it wait for more."""
    whole = storable(content.model_dump(mode="json", exclude_none=True))
    values = {"content": whole, "order_key": order_key, "not_before": now() + wait}
    connection.execute(update(messages).where(messages.c.id == message_id).values(**values))


@dataclass(frozen=True)
class Item:
    """An item, by the id that its service gave it and by which a repeated delivery is recognised."""

    album: str
    service_id: str
    identity: str


def remember(connection: Connection, message_id: int, item: Item, *, envelope_id: int | None) -> None:
    """Record which message an item has become a part of, and the request that it came in."""
    row = {"identity": item.identity, "message_id": message_id, "envelope_id": envelope_id}
    row |= {"album": storable(item.album), "service_id": storable(item.service_id)}
    connection.execute(insert(album_items).values(**row))
