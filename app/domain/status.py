"""How far a message has come. A status only rises."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The status of a message, on either road. ``CANCELLED`` and ``FAILED`` are ends without arrival."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"
    CANCELLED = "cancelled"

    @property
    def rank(self) -> int:
        """Place in the order; only a higher one replaces a lower one.

        A failure outranks *sent*, because services report it later; *delivered* and *read* outrank a failure, because
        a message that was read has arrived, whatever was reported before.
        """
        return _RANKS[self]


_RANKS = {
    Status.PENDING: 0,
    Status.SENT: 1,
    Status.FAILED: 2,
    Status.DELIVERED: 3,
    Status.READ: 4,
    Status.CANCELLED: 5,
}
