"""Albums on their way to HubSpot: items of one that come one by one are one message, ready when no more come.

Runs in the transaction that stores a request, with the lane's row locked: two items never meet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.domain.album import merged, position
from app.domain.message import AlbumItem
from app.storage import albums, media, messages
from app.storage.database import Connection
from app.storage.envelopes import Stored
from app.storage.messages import NewMessage

#: An album is taken for complete when nothing more came of it for so long (seconds).
WAIT = 1.0


@dataclass(frozen=True)
class Added:
    """The message that an item is in, and the rows of its attachments."""

    message: int
    media: list[int]


def add(connection: Connection, account_id: int, new: NewMessage, *, album: str, envelope: Stored) -> Added | None:
    """Store an item: with those of its album that wait, or as the first of a message. None: it is here already.

    One that comes when the others are being sent begins a message of its own.
    """
    known = albums.Item(album, new.service_id, messages.identity(account_id, new))
    if albums.is_known(connection, known.identity):
        return None
    item = AlbumItem(order=new.order_key, service_id=new.service_id, content=new.content)
    opened = albums.find_open(connection, new.lane_id, album)
    if opened is None:
        begun = replace(new, content=merged([item]), wait=WAIT)
        message = messages.insert_new(connection, account_id, begun, envelope_id=envelope.id, at=envelope.received_at)
    else:
        message = _grow(connection, opened, item)
    if message is None:
        return None
    albums.remember(connection, message, known, envelope_id=envelope.id)
    first = position(opened.content.album, item) if opened else 0
    media.make_room(connection, message, len(new.content.attachments), first=first)
    return Added(message, media.add(connection, message, new.content.attachments, first=first))


def _grow(connection: Connection, opened: albums.Open, item: AlbumItem) -> int:
    whole = merged([*opened.content.album, item])
    albums.grow(connection, opened.id, whole, order_key=min(opened.order_key, item.order), wait=WAIT)
    return opened.id
