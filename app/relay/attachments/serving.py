"""Prepared attachments as services get them: by upload from our store, or by a link to it that ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from app.connectors.base import Connector
from app.domain.message import Attachment
from app.errors import MediaNotReady, MessageInvalid
from app.media.links import Link
from app.media.store import MediaStore
from app.relay.services import Services
from app.storage import lanes, media, stored_media
from app.storage.accounts import AccountRow
from app.storage.messages import Head

#: Bytes that are kept in memory before the spool file goes to disk.
_SPOOL: Final = 1_000_000
#: Links end at a full hour, and so up to an hour later than they have to.
_HOUR: Final = 3600.0


class NoSuchLink(Exception):
    """Nobody here has made this link, or its attachment is not known any more."""


class LinkEnded(Exception):
    """The link's time is over, or the bytes are gone."""


@dataclass(frozen=True)
class Served:
    """An attachment that a link gives out. ``tag`` changes with the content."""

    name: str
    mime: str
    size: int
    tag: str
    _store: MediaStore
    _stored_id: int

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """Yield ``length`` bytes from ``start`` on."""
        return self._store.read(self._stored_id, start, length)


@dataclass(frozen=True)
class StoredMedia:
    """See ``app.domain.part.Media``."""

    name: str
    mime: str
    size: int
    link: str
    _store: MediaStore
    _stored_id: int

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Return the bytes in a file that goes to disk where they are many."""
        with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
            # Its writelines() keeps all of it in memory before it looks whether that is too much.
            for piece in self._store.read(self._stored_id):
                spool.write(piece)
            spool.seek(0)
            yield cast("BinaryIO", spool)


def keep_for(connector: Connector) -> float:
    """Return for how many seconds bytes are kept after the service was last told of them."""
    return connector.capabilities.link_life + _HOUR


def media_of(services: Services, account: AccountRow, head: Head, attachment: Attachment | None) -> StoredMedia | None:
    """Return the bytes of a part's attachment, kept from now on for as long as the service may fetch them.

    Raises:
        MediaNotReady: they were kept for too short a time, and are fetched once more.
        MessageInvalid: they could not be fetched once more.
    """
    if attachment is None or attachment.media is None:
        return None
    connector = services.connector(account)
    with services.database.write() as connection:
        rows = media.of_message(connection, head.id)
        row = next((one for one in rows if one.id == attachment.media), None)
        if row is None or row.state == "failed":
            raise MessageInvalid(row.hint if row else "it is not known any more")
        kept = row.stored_id is not None and stored_media.extend(connection, row.stored_id, keep=keep_for(connector))
        now = lanes.clock(connection)
        if not kept and row.state == "ready":
            media.prepare_anew(connection, [row.id])
    if not kept or row.stored_id is None:
        services.doorbell.ring_media(row.id)
        raise MediaNotReady(f"The file {row.name or attachment.name} is fetched once more.")
    link = Link.lasting(row.id, now=now, seconds=connector.capabilities.link_life).write(services.vault)
    address = f"{services.settings.public_url}/media/{link}"
    return StoredMedia(row.name, row.mime, row.size or 0, address, services.store, row.stored_id)


def find(services: Services, token: str) -> Served:
    """Return what a link gives out.

    Raises:
        NoSuchLink, LinkEnded: see there.
    """
    link = Link.read(token, services.vault)
    if link is None:
        raise NoSuchLink
    with services.database.read() as connection:
        row = media.get(connection, link.media_id)
        ended = lanes.clock(connection) >= link.expires
        stored = stored_media.get(connection, row.stored_id) if row and row.stored_id is not None else None
    if row is None:
        raise NoSuchLink
    if ended or stored is None:
        raise LinkEnded
    return Served(row.name, row.mime, stored.size, f"{stored.id}-{stored.size}", services.store, stored.id)
