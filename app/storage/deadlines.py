"""Messages whose deadline is over: failed where no call holds them."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from app.domain.status import Status
from app.storage.clock import now
from app.storage.messages import unheld
from app.storage.tables import messages


def overdue(connection: Connection, *, limit: int) -> list[int]:
    """Return messages whose deadline is over and which no call holds, by id."""
    query = (
        select(messages.c.id)
        .where(messages.c.status == Status.PENDING.value, messages.c.deadline_at <= now(), unheld())
        .order_by(messages.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def fail(connection: Connection, message_id: int, *, reason: str, hint: str) -> bool:
    """Fail a message at its deadline, unless a call holds it or it ended meanwhile."""
    statement = (
        update(messages)
        .where(
            messages.c.id == message_id,
            messages.c.status == Status.PENDING.value,
            unheld(),
            messages.c.deadline_at <= now(),
        )
        .values(status=Status.FAILED.value, reason=reason, hint=hint, finished_at=now())
    )
    return connection.execute(statement).rowcount == 1
