"""Attachments on their way: each is fetched and prepared by the media queue, from acceptance on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, insert, or_, select, update

from app.domain.message import Attachment, AttachmentKind, Direction
from app.storage.clock import now
from app.storage.lanes import RUNG_FOR
from app.storage.tables import accounts, media, messages
from app.storage.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Row


@dataclass(frozen=True)
class Job:
    """An attachment that this worker prepares.

    ``attempts`` counts this one: a file that kills the process must not be tried for ever. ``late``: its message went
    without it. ``reused``: another's file in HubSpot was taken for it once, and was gone.
    """

    id: int
    message_id: int
    account_id: int
    lane_id: int
    attachment: Attachment
    attempts: int
    direction: Direction = Direction.INBOUND
    late: bool = False
    reused: bool = False


@dataclass(frozen=True)
class Prepared:
    """What an attachment has become: HubSpot's file id, stored bytes, or the sentence that stands in its place."""

    id: int
    position: int
    attachment: Attachment
    state: str
    file_id: str | None
    stored_id: int | None
    kind: AttachmentKind
    name: str
    mime: str
    size: int | None
    hint: str
    sameness: str
    reused: bool

    @property
    def is_taken(self) -> bool:
        """Whether its file in HubSpot was uploaded for another message, and may have been deleted since."""
        return self.reused and self.sameness != ""

    @property
    def is_lost(self) -> bool:
        """Whether the other's file was gone and it could not be fetched once more."""
        return self.reused and self.state == "failed"


@dataclass(frozen=True)
class InHubSpot:
    """A file of HubSpot's file manager that an attachment has become. ``reused``: it was another's before."""

    file_id: str
    name: str
    mime: str
    size: int
    sameness: str = ""
    reused: bool = False


@dataclass(frozen=True)
class InStore:
    """Bytes in our store that an attachment has become, and what they are for the reader."""

    stored_id: int
    kind: AttachmentKind
    name: str
    mime: str
    size: int


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
        .returning(*(media.c[name] for name in ("message_id", "attachment", "attempts", "late", "reused")))
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    columns = (messages.c.account_id, messages.c.lane_id, messages.c.direction)
    message = connection.execute(select(*columns).where(messages.c.id == row.message_id)).one()
    return Job(
        media_id,
        row.message_id,
        message.account_id,
        message.lane_id,
        Attachment.model_validate(row.attachment),
        row.attempts,
        Direction(message.direction),
        row.late,
        row.reused,
    )


def _free() -> ColumnElement[bool]:
    return and_(media.c.due <= now(), or_(media.c.owner.is_(None), media.c.lease <= now()))


def ready(connection: Connection, job: Job, done: InHubSpot | InStore) -> bool | None:
    """Record where the bytes are now.

    Returns whether its message went without it; None: somebody was faster, or nobody waits for it any more.
    """
    values: dict[str, object] = {"state": "ready", "name": done.name, "mime": done.mime, "size": done.size}
    if isinstance(done, InHubSpot):
        sameness = "" if job.reused else done.sameness
        values |= {"hubspot_file_id": done.file_id, "sameness": sameness, "reused": done.reused or job.reused}
    else:
        values |= {"stored_id": done.stored_id, "kind": done.kind.value}
    return _finish(connection, job, values)


def failed(connection: Connection, job: Job, *, hint: str) -> bool | None:
    """Record that the bytes cannot be had, with the sentence that stands in their place. Returns as ``ready``."""
    return _finish(connection, job, {"state": "failed", "hint": hint})


def _finish(connection: Connection, job: Job, values: dict[str, object]) -> bool | None:
    rest = {"owner": None, "lease": None, "due": None, "finished_at": now()}
    where = (media.c.id == job.id, media.c.state == "pending")
    finished = update(media).where(*where).values(**storable(values), **rest).returning(media.c.late)
    return connection.execute(finished).scalar_one_or_none()


def again(connection: Connection, job: Job, *, delay: float, free: bool = False) -> None:
    """Let an attachment wait before it is tried again, unless somebody else tries it by now.

    ``free``: what stood in the way says nothing about the attachment, and the try does not count.
    """
    where = (media.c.id == job.id, media.c.state == "pending", media.c.attempts == job.attempts)
    values = {"owner": None, "lease": None, "due": now() + delay, "attempts": job.attempts - free}
    connection.execute(update(media).where(*where).values(**values))


def age(connection: Connection, job: Job) -> float:
    """Return for how many seconds an attachment has been prepared."""
    return float(connection.execute(select(now() - media.c.created_at).where(media.c.id == job.id)).scalar_one())


def leave_behind(connection: Connection, message_id: int) -> frozenset[int]:
    """Stop waiting for a message's attachments: what is not there yet becomes a message of its own.

    Returns the positions of those.
    """
    where = (media.c.message_id == message_id, media.c.state == "pending")
    left = update(media).where(*where).values(late=True).returning(media.c.position)
    return frozenset(connection.execute(left).scalars())


def hand_over(connection: Connection, job: Job, message_id: int) -> None:
    """Make a late attachment the only one of a message of its own."""
    values = {"message_id": message_id, "position": 0, "late": False}
    connection.execute(update(media).where(media.c.id == job.id).values(**values))


def prepare_anew(connection: Connection, ids: Iterable[int], *, gone: Iterable[str] = ()) -> None:
    """Forget what attachments have become: they are fetched once more, and due now.

    Files with the sameness ``gone`` are taken for no other attachment any more.
    """
    connection.execute(update(media).where(media.c.sameness.in_(sorted(gone))).values(sameness=""))
    fresh = {"state": "pending", "hubspot_file_id": None, "stored_id": None, "sameness": "", "hint": ""}
    rest = {"attempts": 0, "finished_at": None, "due": now(), "rung_until": None}
    connection.execute(update(media).where(media.c.id.in_(sorted(ids))).values(**fresh, **rest))


def of_message(connection: Connection, message_id: int) -> list[Prepared]:
    """Return a message's attachments in their order, without those that it has left behind."""
    rows = connection.execute(
        _PREPARED.where(media.c.message_id == message_id, ~media.c.late).order_by(media.c.position)
    )
    return [_prepared(row) for row in rows]


def get(connection: Connection, media_id: int) -> Prepared | None:
    """Return an attachment."""
    row = connection.execute(_PREPARED.where(media.c.id == media_id)).one_or_none()
    return _prepared(row) if row else None


_PREPARED = select(
    *(media.c[name] for name in Prepared.__dataclass_fields__ if name in media.c),
    media.c.hubspot_file_id.label("file_id"),
)


def _prepared(row: Row[*tuple[Any, ...]]) -> Prepared:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    attachment = Attachment.model_validate(values["attachment"])
    kind = AttachmentKind(values["kind"]) if values["kind"] else attachment.kind
    return Prepared(**values | {"attachment": attachment, "kind": kind})


def find_same(connection: Connection, portal_id: int, sameness: str, *, within: float) -> InHubSpot | None:
    """Return the file in HubSpot of an attachment of the same portal and content, uploaded in so many seconds."""
    query = (
        select(media.c.hubspot_file_id, media.c.name, media.c.mime, media.c.size)
        .join(messages, messages.c.id == media.c.message_id)
        .join(accounts, accounts.c.id == messages.c.account_id)
        .where(media.c.sameness == sameness, media.c.state == "ready", media.c.hubspot_file_id.is_not(None))
        .where(accounts.c.portal_id == portal_id, media.c.finished_at > now() - within, ~media.c.reused)
        .order_by(media.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return InHubSpot(row.hubspot_file_id, row.name, row.mime, row.size or 0, sameness, reused=True)


def due(connection: Connection, *, limit: int) -> list[int]:
    """Return attachments that are due, free and were not rung lately."""
    quiet = or_(media.c.rung_until.is_(None), media.c.rung_until <= now())
    query = select(media.c.id).where(_free(), quiet).order_by(media.c.due).limit(limit)
    return list(connection.execute(query).scalars())


def mark_rung(connection: Connection, ids: Iterable[int]) -> None:
    """Mark attachments as rung."""
    connection.execute(update(media).where(media.c.id.in_(sorted(ids))).values(rung_until=now() + RUNG_FOR))
