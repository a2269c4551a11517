"""Lanes: the unit of order. Messages of one lane go one after the other, lanes never wait for each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LaneKind(StrEnum):
    """What travels in a lane."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    STATUS = "status"
    CONTROL = "control"


@dataclass(frozen=True, order=True)
class LaneKey:
    """What names a lane. A control lane has no conversation: there is one per account."""

    account_id: int
    kind: LaneKind
    conversation: str = ""
