"""Envelopes that were accepted before they could be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from app.storage.envelopes import Stored
from app.storage.tables import envelopes

if TYPE_CHECKING:
    from sqlalchemy import Connection


def backdate(connection: Connection, envelope: Stored, *, age: float) -> Stored:
    """Make an envelope as old as it is: it was accepted ``age`` seconds ago. Deadlines count from then.

    An age, because the clock of the machine that took the request need not be the database's.
    """
    if age <= 0:
        return envelope
    received_at = envelope.received_at - age
    connection.execute(update(envelopes).where(envelopes.c.id == envelope.id).values(received_at=received_at))
    return Stored(envelope.id, received_at)
