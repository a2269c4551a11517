"""Dead letters: messages that need a person. They can be replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from app.storage.clock import now
from app.storage.dialects import upsert
from app.storage.tables import accounts, dead_letters, messages
from app.storage.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Connection


def bury(connection: Connection, message_id: int, account_id: int, *, reason: str, hint: str, detail: str = "") -> None:
    """Make a message a dead letter, or the same one anew after a replay that did not help."""
    words = {"reason": storable(reason), "hint": storable(hint), "detail": storable(detail)}  # the other side's own
    values = {"account_id": account_id, "created_at": now(), **words}
    statement = upsert(connection.dialect.name, dead_letters).values(message_id=message_id, **values)
    again = {**values, "replayed_at": None}
    connection.execute(statement.on_conflict_do_update(index_elements=["message_id"], set_=again))


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter, as it is shown."""

    message_id: int
    account_id: int
    account: str
    direction: str
    reason: str
    hint: str
    detail: str
    created_at: float


def waiting(connection: Connection, *, account_id: int | None = None, limit: int = 100) -> list[DeadLetter]:
    """Return dead letters that nobody has replayed, oldest first."""
    query = (
        select(
            dead_letters.c.message_id,
            dead_letters.c.account_id,
            accounts.c.name.label("account"),
            messages.c.direction,
            dead_letters.c.reason,
            dead_letters.c.hint,
            dead_letters.c.detail,
            dead_letters.c.created_at,
        )
        .join(messages, messages.c.id == dead_letters.c.message_id)
        .join(accounts, accounts.c.id == dead_letters.c.account_id)
        .where(dead_letters.c.replayed_at.is_(None))
        .order_by(messages.c.lane_id, messages.c.order_key, messages.c.id)
        .limit(limit)
    )
    if account_id is not None:
        query = query.where(dead_letters.c.account_id == account_id)
    return [DeadLetter(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - public in SQLAlchemy


def replayed(connection: Connection, message_id: int) -> None:
    """Record that a dead letter was sent again."""
    connection.execute(update(dead_letters).where(dead_letters.c.message_id == message_id).values(replayed_at=now()))


def settle(connection: Connection, message_id: int) -> None:
    """Forget a dead letter: its message has arrived after all."""
    connection.execute(delete(dead_letters).where(dead_letters.c.message_id == message_id))


def is_waiting(connection: Connection, message_id: int) -> bool:
    """Tell whether a message is a dead letter now."""
    where = (dead_letters.c.message_id == message_id, dead_letters.c.replayed_at.is_(None))
    return connection.execute(select(dead_letters.c.message_id).where(*where)).first() is not None
