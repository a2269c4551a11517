"""Attempts: the intent on record before each call, the fact after it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Double, bindparam, exists, insert, or_, select, update

from app.domain.status import Status
from app.storage import lanes as lane_rows
from app.storage import ordering
from app.storage.clock import now
from app.storage.messages import is_head
from app.storage.tables import attempts, messages, parts
from app.storage.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from app.storage.lanes import Lane
    from app.storage.messages import Head
    from app.storage.parts import PartRow


class Purpose(StrEnum):
    """What a call was for."""

    PUBLISH = "publish"
    SEND = "send"
    STATUS = "status"
    MEDIA = "media"
    CONTROL = "control"


class Outcome(StrEnum):
    """How a call ended. ``CALLING``: it has not, or nobody lived to tell."""

    CALLING = "calling"
    OK = "ok"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    UNAUTHORIZED = "unauthorized"


@dataclass(frozen=True)
class Begun:
    """The right to make one call. ``wake`` is the lane's.

    No attempt: new work came since the head was read, and stands before it.
    """

    attempt_id: str | None
    wake: int


@dataclass(frozen=True)
class Fact:
    """What became of a call. ``free``: it costs no attempt (rate limits, pauses: not the message's trouble)."""

    outcome: Outcome
    duration: float
    code: str = ""
    detail: str = ""
    free: bool = False


def begin(
    connection: Connection,
    lane: Lane,
    head: Head,
    part: PartRow,
    *,
    purpose: Purpose,
    lease: float,
    room: float,
    seen: int,
) -> Begun | None:
    """Mark a part as being called, count the attempt and renew the lease.

    None, and the message is as it was, when the lane is no longer ours or is held, its account or portal does not run,
    the message has ended or is being called, the part was sent meanwhile, or the deadline leaves less than ``room``
    seconds. So purge, pause and deadline always win over a drain that holds messages in memory. ``seen`` is the lane's
    ``wake`` from before the head was read. Where it has changed, the message has to be the head still: accept needs the
    lane's row, which this transaction holds, so nothing comes between this look and the call.
    """
    wake = lane_rows.renew(connection, lane, lease=lease)
    if wake is None:
        return None
    if wake != seen and not is_head(connection, lane.id, head.id):
        return Begun(None, wake)
    attempt_id = uuid.uuid4().hex
    what = {"message": head.id, "part": part.id, "attempt": attempt_id}
    if connection.execute(_BEGIN, {**what, "room": room}).rowcount == 0:
        return None
    connection.execute(_CALL_PART, what)
    connection.execute(_INTEND, {**what, "purpose": purpose.value, "worker": lane.owner})
    if not head.attempts:
        ordering.pass_order(connection, lane.id, head.order_key)
    return Begun(attempt_id, wake)


def finish(connection: Connection, head: Head, part: PartRow, *, attempt_id: str, fact: Fact, part_state: str) -> bool:
    """Record what became of a call. Fenced by the attempt alone, not by who owns the lane now.

    Returns False when somebody judged this call before, because its lease had run out. The fact is recorded all the
    same, and a part that was sent is sent, whoever tries it again meanwhile.
    """
    what = {"message": head.id, "part": part.id, "attempt": attempt_id}
    mine = connection.execute(_END, {**what, "given_back": int(fact.free)}).rowcount == 1
    connection.execute(_TELL, {**what, **_columns(fact)})
    if mine or part_state == "sent":
        connection.execute(_END_PART, {**what, "became": part_state})
    return mine


_BEGIN = (
    update(messages)
    .where(
        messages.c.id == bindparam("message"),
        messages.c.status == Status.PENDING.value,
        messages.c.calling.is_(None),
        or_(messages.c.deadline_at.is_(None), messages.c.deadline_at > now() + bindparam("room", type_=Double())),
        exists().where(parts.c.id == bindparam("part"), parts.c.state != "sent"),
    )
    .values(calling=bindparam("attempt"), begun=True, attempts=messages.c.attempts + 1)
)
_CALL_PART = (
    update(parts).where(parts.c.id == bindparam("part")).values(state="calling", attempt_id=bindparam("attempt"))
)
_INTEND = insert(attempts).values(
    id=bindparam("attempt"), message_id=bindparam("message"), part_id=bindparam("part"), started_at=now()
)
_RECORD = _INTEND.values(started_at=now() - bindparam("took", type_=Double()))
_END = (
    update(messages)
    .where(messages.c.id == bindparam("message"), messages.c.calling == bindparam("attempt"))
    .values(calling=None, attempts=messages.c.attempts - bindparam("given_back"))
)
_TELL = update(attempts).where(attempts.c.id == bindparam("attempt"))
_END_PART = (
    update(parts).where(parts.c.id == bindparam("part"), parts.c.state != "sent").values(state=bindparam("became"))
)


def _columns(fact: Fact) -> dict[str, str | float]:
    words = {"code": storable(fact.code), "detail": storable(fact.detail)}  # the other side's own
    return {"outcome": fact.outcome.value, "duration": fact.duration, **words}


def is_held(connection: Connection, head: Head, attempt_id: str) -> bool:
    """Tell whether a call is still this attempt's to judge."""
    calling = connection.execute(select(messages.c.calling).where(messages.c.id == head.id)).scalar_one_or_none()
    return calling == attempt_id


def give_up(connection: Connection, head: Head, *, part_state: str) -> bool:
    """Judge a call whose worker died or lost its lease: an unknown outcome. False: its worker was faster."""
    attempt_id = head.calling
    where = (messages.c.id == head.id, messages.c.calling == attempt_id)
    crashed = update(messages).where(*where).values(calling=None, crashes=messages.c.crashes + 1)
    if attempt_id is None or connection.execute(crashed).rowcount == 0:
        return False
    values = {"outcome": Outcome.UNKNOWN.value, "code": "worker_lost", "detail": "the worker died during the call"}
    connection.execute(update(attempts).where(attempts.c.id == attempt_id).values(**values))
    mine = (parts.c.attempt_id == attempt_id, parts.c.state == "calling")
    connection.execute(update(parts).where(*mine).values(state=part_state))
    return True


def record(connection: Connection, message_id: int, *, purpose: Purpose, fact: Fact, worker: str) -> None:
    """Record a call that needed no intent beforehand, because repeating it does no harm (statuses)."""
    row = {"attempt": uuid.uuid4().hex, "message": message_id, "part": None, "purpose": purpose.value}
    connection.execute(_RECORD, {**row, "worker": worker, "took": fact.duration, **_columns(fact)})


@dataclass(frozen=True)
class AttemptRow:
    """One call, as it is shown."""

    id: str
    purpose: Purpose
    worker: str
    started_at: float
    duration: float | None
    outcome: Outcome
    code: str
    detail: str


def of_message(connection: Connection, message_id: int) -> list[AttemptRow]:
    """Return a message's calls in their order."""
    columns = [attempts.c[name] for name in AttemptRow.__dataclass_fields__]
    rows = connection.execute(
        select(*columns).where(attempts.c.message_id == message_id).order_by(attempts.c.started_at)
    )
    return [
        AttemptRow(
            **{**row._mapping, "purpose": Purpose(row.purpose), "outcome": Outcome(row.outcome)}  # noqa: SLF001
        )
        for row in rows
    ]
