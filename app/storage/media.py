"""Attachments on their way to HubSpot: each is fetched and uploaded by the media queue, from acceptance on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, insert, or_, select, update

from app.domain.message import Attachment
from app.storage.clock import now
from app.storage.lanes import RUNG_FOR
from app.storage.tables import media, messages
from app.storage.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True)
class Job:
    """An attachment that this worker prepares.

    ``attempts`` counts this one: a file that kills the process must not be tried for ever.
    """

    id: int
    message_id: int
    account_id: int
    lane_id: int
    attachment: Attachment
    attempts: int


@dataclass(frozen=True)
class Prepared:
    """What an attachment has become: HubSpot's file id, or the sentence that stands in its place."""

    attachment: Attachment
    state: str
    file_id: str | None
    name: str
    mime: str
    hint: str


def add(connection: Connection, message_id: int, attachments: Sequence[Attachment], *, first: int = 0) -> list[int]:
    """Store a message's attachments from position ``first`` on, due now. Returns their ids."""
    ids = []
    for position, attachment in enumerate(attachments, start=first):
        row = {"message_id": message_id, "position": position}
        row |= {"attachment": storable(attachment.model_dump(mode="json"))}
        statement = insert(media).values(**row, due=now(), created_at=now()).returning(media.c.id)
        ids.append(connection.execute(statement).scalar_one())
    return ids


def make_room(connection: Connection, message_id: int, count: int, *, first: int) -> None:
    """Move a message's attachments from position ``first`` on back by ``count``.

    By way of negative positions, because no two may have the same for a moment.
    """
    mine = media.c.message_id == message_id
    moved = connection.execute(
        update(media).where(mine, media.c.position >= first).values(position=-media.c.position - 1)
    )
    if moved.rowcount:
        back = update(media).where(mine, media.c.position < 0)
        connection.execute(back.values(position=-media.c.position - 1 + count))


def claim(connection: Connection, media_id: int, *, owner: str, lease: float) -> Job | None:
    """Take an attachment that is due and free, and count the attempt; None when there is nothing to do."""
    statement = (
        update(media)
        .where(media.c.id == media_id, _free())
        .values(owner=owner, lease=now() + lease, attempts=media.c.attempts + 1, rung_until=None)
        .returning(media.c.message_id, media.c.attachment, media.c.attempts)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    where = messages.c.id == row.message_id
    message = connection.execute(select(messages.c.account_id, messages.c.lane_id).where(where)).one()
    attachment = Attachment.model_validate(row.attachment)
    return Job(media_id, row.message_id, message.account_id, message.lane_id, attachment, row.attempts)


def _free() -> ColumnElement[bool]:
    return and_(media.c.due <= now(), or_(media.c.owner.is_(None), media.c.lease <= now()))


def ready(connection: Connection, job: Job, *, file_id: str, name: str, mime: str, size: int) -> None:
    """Record that HubSpot has the bytes."""
    _finish(connection, job, {"state": "ready", "hubspot_file_id": file_id, "name": name, "mime": mime, "size": size})


def failed(connection: Connection, job: Job, *, hint: str) -> None:
    """Record that the bytes cannot be had, with the sentence that stands in their place."""
    _finish(connection, job, {"state": "failed", "hint": hint})


def _finish(connection: Connection, job: Job, values: dict[str, object]) -> None:
    rest = {"owner": None, "lease": None, "due": None, "finished_at": now()}
    where = (media.c.id == job.id, media.c.state == "pending")
    connection.execute(update(media).where(*where).values(**storable(values), **rest))


def again(connection: Connection, job: Job, *, delay: float, free: bool = False) -> None:
    """Let an attachment wait before it is tried again, unless somebody else tries it by now.

    ``free``: what stood in the way says nothing about the attachment, and the try does not count.
    """
    where = (media.c.id == job.id, media.c.state == "pending", media.c.attempts == job.attempts)
    values = {"owner": None, "lease": None, "due": now() + delay, "attempts": job.attempts - free}
    connection.execute(update(media).where(*where).values(**values))


def abandon(connection: Connection, message_id: int, *, hint: str) -> None:
    """Stop waiting for a message's attachments."""
    where = (media.c.message_id == message_id, media.c.state == "pending")
    rest = {"due": None, "owner": None, "lease": None, "finished_at": now()}
    connection.execute(update(media).where(*where).values(state="failed", hint=hint, **rest))


def of_message(connection: Connection, message_id: int) -> list[Prepared]:
    """Return a message's attachments in their order."""
    columns = (media.c.attachment, media.c.state, media.c.hubspot_file_id, media.c.name, media.c.mime, media.c.hint)
    rows = connection.execute(select(*columns).where(media.c.message_id == message_id).order_by(media.c.position))
    return [
        Prepared(
            Attachment.model_validate(one.attachment), one.state, one.hubspot_file_id, one.name, one.mime, one.hint
        )
        for one in rows
    ]


def due(connection: Connection, *, limit: int) -> list[int]:
    """Return attachments that are due, free and were not rung lately."""
    quiet = or_(media.c.rung_until.is_(None), media.c.rung_until <= now())
    query = select(media.c.id).where(_free(), quiet).order_by(media.c.due).limit(limit)
    return list(connection.execute(query).scalars())


def mark_rung(connection: Connection, ids: Iterable[int]) -> None:
    """Mark attachments as rung."""
    connection.execute(update(media).where(media.c.id.in_(sorted(ids))).values(rung_until=now() + RUNG_FOR))
