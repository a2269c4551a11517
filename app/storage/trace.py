"""Everything that is known about one message's way, read in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from app.domain.lane import LaneKind
from app.domain.status import Status
from app.storage import accounts, attempts, breakers, conversations, ids, portals, search, statuses
from app.storage.clock import now
from app.storage.tables import dead_letters, lanes, media, messages, receipts

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from app.storage.accounts import AccountRow
    from app.storage.attempts import AttemptRow
    from app.storage.breakers import Breaker
    from app.storage.conversations import State
    from app.storage.portals import Portal
    from app.storage.search import EnvelopeRow, MessageRow
    from app.storage.statuses import StatusRow


@dataclass(frozen=True)
class LaneState:
    """A lane as it stands. Spans are seconds from now, negative ones have passed; None: there is no such thing.

    ``head_id`` is the message that it sends next, ``ahead`` how many stand before the message that is traced.
    """

    id: int
    kind: LaneKind
    conversation: str
    owner: str | None
    lease_in: float | None
    due_in: float | None
    rung_in: float | None
    slot_in: float | None
    held_by: int | None
    head_id: int | None
    ahead: int


@dataclass(frozen=True)
class MediaState:
    """An attachment's way to the other side. ``late``: its message went without it."""

    position: int
    state: str
    attempts: int
    mime: str
    size: int | None
    hint: str
    hubspot_file_id: str | None
    stored_id: int | None
    reused: bool
    late: bool
    created_at: float
    finished_at: float | None


@dataclass(frozen=True)
class ReceiptState:
    """What the service reported; ``at`` is its own time."""

    status: Status
    reason: str
    at: float
    received_at: float
    is_matched: bool


@dataclass(frozen=True)
class DeadLetterState:
    """When a message died, and when it was replayed or dropped."""

    created_at: float
    replayed_at: float | None


@dataclass(frozen=True)
class Facts:
    """A message with all that hangs on it, and the database's time at which it was read."""

    now: float
    message: MessageRow
    account: AccountRow
    portal: Portal | None
    envelope: EnvelopeRow | None
    lane: LaneState
    media: tuple[MediaState, ...]
    attempts: tuple[AttemptRow, ...]
    receipts: tuple[ReceiptState, ...]
    told: StatusRow | None
    dead_letter: DeadLetterState | None
    #: What HubSpot told of the conversation, in the order in which it happened.
    conversation: tuple[State, ...]
    #: The breaker of the side that the message goes to, where it is open.
    breaker: Breaker | None


def read(connection: Connection, message_id: int) -> Facts | None:
    """Return what is known about a message; None: there is no such message."""
    message = search.get_message(connection, message_id)
    account = accounts.get(connection, message.account_id) if message is not None else None
    if message is None or account is None:
        return None
    lane = _lane(connection, message)
    return Facts(
        now=float(connection.execute(select(now())).scalar_one()),
        message=message,
        account=account,
        portal=portals.get(connection, account.portal_id),
        envelope=search.get_envelope(connection, message.envelope_id) if message.envelope_id is not None else None,
        lane=lane,
        media=_media(connection, message_id),
        attempts=tuple(attempts.of_message(connection, message_id)),
        receipts=_receipts(connection, message),
        told=statuses.of_message(connection, message_id),
        dead_letter=_dead_letter(connection, message_id),
        conversation=tuple(conversations.of_thread(connection, message.thread_id)) if message.thread_id else (),
        breaker=_open_breaker(connection, account.id, lane.kind),
    )


def _open_breaker(connection: Connection, account_id: int, kind: LaneKind) -> Breaker | None:
    found = breakers.get(connection, breakers.of_lane(account_id, kind))
    return found if found is not None and found.is_open and not found.refused else None


def _lane(connection: Connection, message: MessageRow) -> LaneState:
    spans = [
        (lanes.c[column] - now()).label(name)
        for column, name in (("lease", "lease_in"), ("due", "due_in"), ("rung_until", "rung_in"), ("slot", "slot_in"))
    ]
    columns = [lanes.c[name] for name in ("id", "kind", "conversation", "owner", "held_by")]
    row = connection.execute(select(*columns, *spans).where(lanes.c.id == message.lane_id)).one()
    queue = _queue(connection, message.lane_id)
    ahead = queue.index(message.id) if message.id in queue else 0
    return LaneState(**{**_values(row), "kind": LaneKind(row.kind)}, head_id=next(iter(queue), None), ahead=ahead)


def _queue(connection: Connection, lane_id: int) -> list[int]:
    """Return the lane's pending messages in the order in which they are sent."""
    query = select(messages.c.id).where(messages.c.lane_id == lane_id, messages.c.status == Status.PENDING.value)
    ordered = query.order_by(messages.c.begun.desc(), messages.c.order_key, messages.c.id)
    return list(connection.execute(ordered).scalars())


def _media(connection: Connection, message_id: int) -> tuple[MediaState, ...]:
    columns = [media.c[name] for name in MediaState.__dataclass_fields__]
    rows = connection.execute(select(*columns).where(media.c.message_id == message_id).order_by(media.c.position))
    return tuple(MediaState(**_values(row)) for row in rows)


def _receipts(connection: Connection, message: MessageRow) -> tuple[ReceiptState, ...]:
    mine = and_(
        receipts.c.message_id.is_(None),
        receipts.c.account_id == message.account_id,
        receipts.c.service_id.in_(ids.of_message(connection, message.id)),
    )
    columns = [receipts.c[name] for name in ("status", "reason", "at", "received_at")]
    matched = receipts.c.message_id.is_not(None).label("is_matched")
    query = select(*columns, matched).where(or_(receipts.c.message_id == message.id, mine)).order_by(receipts.c.id)
    rows = [_values(row) for row in connection.execute(query)]
    return tuple(
        ReceiptState(**{**row, "status": Status(row["status"]), "is_matched": bool(row["is_matched"])}) for row in rows
    )


def _dead_letter(connection: Connection, message_id: int) -> DeadLetterState | None:
    columns = (dead_letters.c.created_at, dead_letters.c.replayed_at)
    row = connection.execute(select(*columns).where(dead_letters.c.message_id == message_id)).one_or_none()
    return DeadLetterState(**_values(row)) if row else None


def _values(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
