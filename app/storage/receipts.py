"""Receipts: what services report about messages that we sent. They take no lane.

A receipt may come before the send that it is about has been recorded. Each side commits its own fact first and looks
for the other's in a second transaction, so that whichever comes last finds the first: one-sided look-ups left 287 of
300 pairs unmatched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, case, delete, exists, null, or_, select, update

from app.domain.message import Direction
from app.domain.status import Status
from app.storage.clock import now
from app.storage.dialects import insert_or_ignore
from app.storage.tables import messages, receipts, sent_ids, threads
from app.storage.text import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from app.domain.message import Receipt


def store(connection: Connection, account_id: int, found: Sequence[Receipt]) -> list[str]:
    """Store receipts; those that are here already are passed over. Returns the service's ids that they are about."""
    for receipt in found:
        row = {
            "account_id": account_id,
            "conversation": storable(receipt.conversation),
            "service_id": storable(receipt.service_id),
            "status": receipt.status.value,
            "reason": storable(receipt.reason),
            "covers_earlier": receipt.covers_earlier,
            "at": receipt.at.timestamp(),
        }
        connection.execute(insert_or_ignore(connection.dialect.name, receipts).values(received_at=now(), **row))
    return sorted({storable(receipt.service_id) for receipt in found})


#: Some services number messages in each conversation anew, so a receipt that names one is only about that one.
_SAME_OF_OURS = and_(
    sent_ids.c.account_id == receipts.c.account_id,
    sent_ids.c.service_id == receipts.c.service_id,
    or_(receipts.c.conversation == "", receipts.c.conversation == sent_ids.c.conversation),
)
_SAME_OF_THEIRS = and_(
    messages.c.account_id == receipts.c.account_id,
    messages.c.service_id == receipts.c.service_id,
    messages.c.direction == Direction.INBOUND.value,
    receipts.c.covers_earlier,
)
_THEIR_THREAD = and_(
    threads.c.id == messages.c.thread_id,
    or_(receipts.c.conversation == "", receipts.c.conversation == threads.c.conversation),
)


@dataclass(frozen=True)
class Match:
    """A receipt and the message that it is about."""

    receipt_id: int
    message_id: int
    thread_id: str | None
    status: Status
    reason: str
    covers_earlier: bool
    #: The lane of a message that was called failed.
    failed_in: int | None


_WAITING = select(
    exists().where(
        receipts.c.account_id == bindparam("account"),
        receipts.c.service_id.in_(bindparam("ids", expanding=True)),
        receipts.c.message_id.is_(None),
    )
)


def are_waiting(connection: Connection, account_id: int, service_ids: Sequence[str]) -> bool:
    """Tell whether there are unmatched receipts for these ids: mostly there are none."""
    return bool(connection.execute(_WAITING, {"account": account_id, "ids": list(service_ids)}).scalar_one())


def matches(connection: Connection, account_id: int, service_ids: Sequence[str]) -> list[Match]:
    """Return unmatched receipts for these ids whose message is known and has ended, in a stable order.

    A message of several parts takes receipts only once all of them are sent. A receipt that covers what came earlier
    may point at a message of the customer's own.
    """
    return _of_ours(connection, account_id, service_ids) + _of_theirs(connection, account_id, service_ids)


def _of_ours(connection: Connection, account_id: int, service_ids: Sequence[str]) -> list[Match]:
    query = (
        select(
            receipts.c.id,
            sent_ids.c.message_id,
            messages.c.thread_id,
            receipts.c.status,
            receipts.c.reason,
            receipts.c.covers_earlier,
            case((messages.c.status == Status.FAILED.value, messages.c.lane_id)).label("failed_in"),
        )
        .join(sent_ids, _SAME_OF_OURS)
        .join(messages, messages.c.id == sent_ids.c.message_id)
        .where(
            receipts.c.account_id == account_id,
            receipts.c.service_id.in_(service_ids),
            receipts.c.message_id.is_(None),
            messages.c.status != Status.PENDING.value,
        )
        .order_by(sent_ids.c.message_id, receipts.c.id)
    )
    return [_match(row) for row in connection.execute(query)]


def _of_theirs(connection: Connection, account_id: int, service_ids: Sequence[str]) -> list[Match]:
    query = (
        select(
            receipts.c.id,
            messages.c.id.label("message_id"),
            messages.c.thread_id,
            receipts.c.status,
            receipts.c.reason,
            receipts.c.covers_earlier,
            null().label("failed_in"),
        )
        .join(messages, _SAME_OF_THEIRS)
        .join(threads, _THEIR_THREAD)
        .where(
            receipts.c.account_id == account_id,
            receipts.c.service_id.in_(service_ids),
            receipts.c.message_id.is_(None),
        )
        .order_by(messages.c.id, receipts.c.id)
    )
    return [_match(row) for row in connection.execute(query)]


def _match(row: Any) -> Match:
    status, failed_in = Status(row.status), row.failed_in
    return Match(row.id, row.message_id, row.thread_id, status, row.reason, row.covers_earlier, failed_in)


def matched(connection: Connection, match: Match) -> bool:
    """Mark a receipt as matched. False: somebody else did."""
    where = (receipts.c.id == match.receipt_id, receipts.c.message_id.is_(None))
    return connection.execute(update(receipts).where(*where).values(message_id=match.message_id)).rowcount == 1


def orphans(connection: Connection, *, limit: int) -> list[tuple[int, str]]:
    """Return (account, service id) of unmatched receipts whose message is known by now: both sides died in between."""
    alone = select(receipts.c.account_id, receipts.c.service_id).where(receipts.c.message_id.is_(None))
    ended = and_(messages.c.id == sent_ids.c.message_id, messages.c.status != Status.PENDING.value)
    ours = alone.join(sent_ids, _SAME_OF_OURS).join(messages, ended)
    theirs = alone.join(messages, _SAME_OF_THEIRS).join(threads, _THEIR_THREAD)
    rows = connection.execute(ours.union(theirs).limit(limit))
    return [(row.account_id, row.service_id) for row in rows]


def forget_old(connection: Connection, *, age: float) -> int:
    """Drop receipts that nobody claimed for ``age`` seconds."""
    where = (receipts.c.message_id.is_(None), receipts.c.received_at < now() - age)
    return connection.execute(delete(receipts).where(*where)).rowcount
