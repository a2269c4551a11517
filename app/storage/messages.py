"""Messages and their parts: stored by accept, taken in order by drain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Double, bindparam, exists, or_, select, update

from app.domain.message import Content, Direction, Kind
from app.domain.person import Person
from app.domain.status import Status
from app.storage.clock import now
from app.storage.dialects import insert_or_ignore
from app.storage.parts import PartRow, read_parts
from app.storage.tables import lanes, messages, parts
from app.storage.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Row, Select


#: The statuses of what was sent, or published.
WENT = [one.value for one in (Status.SENT, Status.DELIVERED, Status.READ)]
#: Begins the revision of what stands in the place of a message that could not be shown.
PLACEHOLDER = "placeholder:"


@dataclass(frozen=True)
class NewMessage:
    """A message as accept stores it. ``sent_at`` is the event's own time, seconds since 1970.

    ``follows`` is the message that went without the file which this one brings. HubSpot knows an agent's only as one.
    ``wait``: seconds before it may be sent, where more may belong to it.
    """

    lane_id: int
    thread_id: str | None
    direction: Direction
    kind: Kind
    conversation: str
    service_id: str
    revision: str
    order_key: int
    sender: Person | None
    content: Content
    sent_at: float
    late: bool = False
    deadline: float | None = None
    own: bool = False
    follows: int | None = None
    wait: float | None = None


def identity(account_id: int, new: NewMessage) -> str:
    """Return what makes a message the same message: 64 hexadecimal characters.

    Hashed from account, conversation, the sending side's id, kind and revision, so that an edit or a reaction is a
    message of its own. HubSpot's idempotency id is made from it, therefore it must never change between releases.
    """
    words = (str(account_id), new.direction, new.conversation, new.service_id, new.kind, new.revision)
    return hashlib.sha256("\x1f".join(words).encode("utf-8")).hexdigest()


def insert_new(
    connection: Connection, account_id: int, new: NewMessage, *, envelope_id: int | None, at: float
) -> int | None:
    """Store a message. None: it is here already."""
    is_hubspots = new.direction is Direction.OUTBOUND and new.follows is None
    values = {
        "account_id": account_id,
        "lane_id": new.lane_id,
        "thread_id": new.thread_id,
        "envelope_id": envelope_id,
        "direction": new.direction.value,
        "kind": new.kind.value,
        "service_id": storable(new.service_id),
        "revision": storable(new.revision),
        "identity": identity(account_id, new),
        "order_key": new.order_key,
        "sender": storable(new.sender.model_dump(mode="json")) if new.sender else None,
        "content": storable(new.content.model_dump(mode="json", exclude_none=True)),
        "late": new.late,
        "own": new.own,
        "sent_at": new.sent_at,
        "accepted_at": at,
        "deadline_at": at + new.deadline if new.deadline is not None else None,
        "hubspot_id": storable(new.service_id) if is_hubspots else None,
        "follows": new.follows,
        "wait": new.wait,
    }
    return connection.execute(_inserting(connection.dialect.name), values).scalar_one_or_none()


@cache
def _inserting(dialect: str) -> Any:
    not_before = now() + bindparam("wait", type_=Double())
    return insert_or_ignore(dialect, messages).values(not_before=not_before).returning(messages.c.id)


@dataclass(frozen=True)
class Head:
    """The message that a lane sends next, with its parts (none before they are written).

    ``waits`` is how many seconds it must still wait before it is tried again; ``left`` is how many are left until its
    deadline, None where it has none; ``age`` is seconds since it was accepted.
    """

    id: int
    account_id: int
    lane_id: int
    thread_id: str | None
    direction: Direction
    kind: Kind
    service_id: str
    identity: str
    order_key: int
    late: bool
    own: bool
    sender: Person | None
    content: Content
    follows: int | None
    sent_at: float
    calling: str | None
    attempts: int
    crashes: int
    hint: str
    waits: float
    left: float | None
    age: float
    parts: tuple[PartRow, ...]

    @property
    def part(self) -> PartRow:
        """The first part that is not sent."""
        return next(part for part in self.parts if part.state != "sent")

    def key(self, part: PartRow) -> str:
        """Return the idempotency key of a part: the same at every try."""
        return self.identity[:32] if part.position == 0 else f"{self.identity[:28]}-{part.position:03d}"


_COLUMNS = [
    *(messages.c[name] for name in Head.__dataclass_fields__ if name in messages.c),
    (messages.c.not_before - now()).label("waits"),
    (messages.c.deadline_at - now()).label("left"),
    (now() - messages.c.accepted_at).label("age"),
]


def _first_of_lane(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select a lane's next message: one that has begun first, then by order key and arrival."""
    return (
        select(*columns)
        .where(messages.c.lane_id == bindparam("lane"), messages.c.status == Status.PENDING.value)
        .order_by(messages.c.begun.desc(), messages.c.order_key, messages.c.id)
        .limit(1)
    )


_HEAD = _first_of_lane(*_COLUMNS)
_HEAD_ID = _first_of_lane(messages.c.id)
_FINISH = (
    update(messages)
    .where(messages.c.id == bindparam("message"), messages.c.status == Status.PENDING.value)
    .values(
        status=bindparam("ended_as"),
        reason=bindparam("why"),
        hint=bindparam("said"),
        finished_at=now(),
        not_before=None,
    )
)
_PUBLISHED = update(messages).where(messages.c.id == bindparam("message")).values(hubspot_id=bindparam("hubspot"))


def head(connection: Connection, lane_id: int) -> Head | None:
    """Return a lane's next message: one that has begun first, then by order key and arrival."""
    row = connection.execute(_HEAD, {"lane": lane_id}).one_or_none()
    return _head(row, read_parts(connection, row.id)) if row else None


def is_head(connection: Connection, lane_id: int, message_id: int) -> bool:
    """Tell whether a message is the lane's next one. It stays so while the caller holds the lane's row."""
    return connection.execute(_HEAD_ID, {"lane": lane_id}).scalar_one_or_none() == message_id


def get(connection: Connection, message_id: int) -> Head | None:
    """Return a message as drain sees it, whatever its status."""
    row = connection.execute(select(*_COLUMNS).where(messages.c.id == message_id)).one_or_none()
    return _head(row, read_parts(connection, row.id)) if row else None


def status_of(connection: Connection, message_id: int) -> Status:
    """Return the status of a message that is there."""
    return Status(connection.execute(select(messages.c.status).where(messages.c.id == message_id)).scalar_one())


def _head(row: Row[Any], found: tuple[PartRow, ...]) -> Head:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values |= {
        "direction": Direction(values["direction"]),
        "kind": Kind(values["kind"]),
        "sender": Person.model_validate(values["sender"]) if values["sender"] else None,
        "content": Content.model_validate(values["content"]),
        "waits": max(0.0, values["waits"] or 0.0),
        "parts": found,
    }
    return Head(**values)


def finish(connection: Connection, message_id: int, status: Status, *, reason: str = "", hint: str = "") -> bool:
    """End a pending message. Returns False when it had ended already."""
    ended = {"message": message_id, "ended_as": status.value, "why": storable(reason), "said": storable(hint)}
    return connection.execute(_FINISH, ended).rowcount == 1


def rise(connection: Connection, message_id: int, status: Status, *, hint: str = "") -> bool:
    """Raise a finished message's status; it never falls. Returns True when it rose."""
    lower = [one.value for one in Status if one.rank < status.rank and one is not Status.PENDING]
    statement = update(messages).where(messages.c.id == message_id, messages.c.status.in_(lower))
    values = {"status": status.value} | ({"hint": hint} if hint else {})
    return connection.execute(statement.values(**values)).rowcount == 1


def count_attempt(connection: Connection, message_id: int) -> None:
    """Count a try that came to no call."""
    where = messages.c.id == message_id
    connection.execute(update(messages).where(where).values(attempts=messages.c.attempts + 1))


def delay(connection: Connection, message_id: int, seconds: float, *, reason: str, hint: str) -> None:
    """Let a message wait before it is tried again, and remember what it waits for."""
    values = {"not_before": now() + seconds, "reason": storable(reason), "hint": storable(hint)}
    connection.execute(update(messages).where(messages.c.id == message_id).values(**values))


def complete(connection: Connection, message_id: int, content: Content) -> None:
    """Put the whole of what a message says in the place of its beginning, unless it has ended."""
    where = (messages.c.id == message_id, messages.c.status == Status.PENDING.value)
    whole = storable(content.model_dump(mode="json", exclude_none=True))
    connection.execute(update(messages).where(*where).values(content=whole))


def published_as(connection: Connection, message_id: int, hubspot_id: str) -> None:
    """Remember HubSpot's id of a message that we published."""
    connection.execute(_PUBLISHED, {"message": message_id, "hubspot": hubspot_id})


def revive(connection: Connection, message_id: int, *, deadline: float | None) -> bool:
    """Make an ended message pending again (replay). Parts that were sent stay sent.

    False: it is not there, or sent, or its content was erased.
    """
    ended = messages.c.status.in_((Status.FAILED.value, Status.CANCELLED.value))
    of_it = parts.c.message_id == message_id
    left = or_(~exists().where(of_it), exists().where(of_it, parts.c.state != "sent"))
    statement = (
        update(messages)
        .where(messages.c.id == message_id, ended, left, messages.c.erased_at.is_(None))
        .values(
            status=Status.PENDING.value,
            attempts=0,
            crashes=0,
            reason="",
            hint="",
            finished_at=None,
            not_before=None,
            deadline_at=None if deadline is None else now() + deadline,
        )
    )
    again = connection.execute(statement).rowcount == 1
    if again:
        connection.execute(update(parts).where(of_it, parts.c.state != "sent").values(state="pending", attempt_id=None))
    return again


def unheld() -> ColumnElement[bool]:
    """Tell in SQL that no call holds a message: none was begun, or the lease of its worker is over."""
    owned = (lanes.c.id == messages.c.lane_id, lanes.c.owner.is_not(None), lanes.c.lease > now())
    return or_(messages.c.calling.is_(None), ~exists().where(*owned).correlate(messages))


def others_pass(connection: Connection, head: Head) -> bool:
    """Tell whether messages of other lanes that came after this one have gone the same way."""
    later = (messages.c.id > head.id, messages.c.account_id == head.account_id, messages.c.lane_id != head.lane_id)
    went = (messages.c.direction == head.direction.value, messages.c.status.in_(WENT))
    return connection.execute(select(messages.c.id).where(*later, *went).limit(1)).first() is not None


def earlier_sent(connection: Connection, thread_id: str, message_id: int, *, below: Status) -> list[int]:
    """Return our outbound messages of a thread up to this one whose status is below, oldest first."""
    lower = [one.value for one in Status if Status.SENT.rank <= one.rank < below.rank and one is not Status.FAILED]
    query = select(messages.c.id).where(
        messages.c.thread_id == thread_id,
        messages.c.id <= message_id,
        messages.c.direction == Direction.OUTBOUND.value,
        messages.c.status.in_(lower),
    )
    return list(connection.execute(query.order_by(messages.c.id)).scalars())
