"""Forgetting what is finished and old."""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, select

from app.domain.status import Status
from app.storage.clock import now
from app.storage.tables import dead_letters, envelopes, messages, unopened


def forget(connection: Connection, *, age: float, limit: int) -> int:
    """Delete messages that ended ``age`` seconds ago and envelopes without any, with all that hangs on them.

    Dead letters and unopened items that wait for a person stay. Returns how many rows went, at most ``2 * limit``.
    """
    waiting = exists().where(dead_letters.c.message_id == messages.c.id, dead_letters.c.replayed_at.is_(None))
    ended = messages.c.status != Status.PENDING.value
    old = (
        select(messages.c.id)
        .where(ended, messages.c.finished_at < now() - age, ~waiting)
        .order_by(messages.c.id)
        .limit(limit)
    )
    gone = connection.execute(delete(messages).where(messages.c.id.in_(old))).rowcount
    used = exists().where(messages.c.envelope_id == envelopes.c.id)
    kept = exists().where(unopened.c.envelope_id == envelopes.c.id)
    empty = (
        select(envelopes.c.id)
        .where(envelopes.c.received_at < now() - age, ~used, ~kept)
        .order_by(envelopes.c.id)
        .limit(limit)
    )
    return gone + connection.execute(delete(envelopes).where(envelopes.c.id.in_(empty))).rowcount
