"""What HubSpot says about a conversation as a whole."""

from __future__ import annotations

from enum import StrEnum


class Fact(StrEnum):
    """What can be known of a conversation. Each has its own value, and the newest one counts.

    ``STATUS``: open or closed. ``ASSIGNED``: the actor, empty when it is nobody's. ``ARCHIVED``: true or false.
    ``DELETED`` and ``ERASED`` are ends; the latter is a person's wish to be forgotten.
    """

    STATUS = "status"
    ASSIGNED = "assigned"
    ARCHIVED = "archived"
    DELETED = "deleted"
    ERASED = "erased"
