"""A road: what inbound, outbound and control messages do differently while drain takes them along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.capability import UnknownOutcome
from app.domain.part import PartContent, Sent
from app.relay.pace import Slot
from app.relay.services import Services
from app.storage.accounts import AccountRow, Side
from app.storage.attempts import Purpose
from app.storage.database import Connection
from app.storage.lanes import Lane
from app.storage.messages import Head
from app.storage.parts import PartRow


@dataclass(frozen=True)
class Park:
    """How a lane rests: due again in ``seconds``, None: nothing to do. ``slot``: seconds until its reserved slot."""

    seconds: float | None
    slot: float | None = None


@dataclass(frozen=True)
class Call:
    """One call that is about to be made: a part of a lane's head. ``last``: the message ends with it.

    ``upload``: seconds that its file may take beyond what every call may.
    """

    head: Head
    part: PartRow
    account: AccountRow
    last: bool
    upload: float = 0.0


@dataclass(frozen=True)
class Question:
    """What HubSpot has to be asked before a message becomes parts.

    ``slot`` reserves the call in HubSpot's budget. ``ask`` makes it and stores what came of it, a refusal too, so that
    no message waits for it for ever. It returns how the lane rests, or None: the head is looked at again at once.
    """

    slot: Callable[[], Slot]
    ask: Callable[[], Park | None]


class Road(Protocol):
    """The steps of drain that differ by direction."""

    #: What a call on this road is for.
    purpose: Purpose
    #: Which side of the account pauses when the other side refuses our credentials.
    side: Side
    #: Whether failures on this road count for the breaker of that side.
    counts: bool

    def question(self, services: Services, head: Head, account: AccountRow) -> Question | Park | None:
        """Return what has to be asked first, or how long somebody else's answer is waited for; None: nothing."""

    def split(self, services: Services, head: Head, account: AccountRow) -> Sequence[PartContent] | Park | None:
        """Turn a message into parts, once; or say how long it still waits. None: it has ended, and nothing goes."""

    def date(self, connection: Connection, head: Head) -> float | None:
        """Return when the message was written, where the other side sorts by it; in the transaction of its parts."""

    def slot(self, services: Services, lane: Lane, account: AccountRow) -> Slot:
        """Reserve a slot in the budget of the API that is called."""

    def call(self, services: Services, call: Call) -> Sent:
        """Make the one call. No connection and no lock is held meanwhile.

        Raises:
            RelayError: see ``app.errors``.
        """

    def record(self, connection: Connection, call: Call, sent: Sent) -> list[int]:
        """Remember what a successful call brought, in the transaction that records it. Returns lanes to ring."""

    def policy(self, services: Services, account: AccountRow) -> tuple[bool, UnknownOutcome]:
        """Tell whether a repeated call does no harm, and else what a lost answer means."""

    def slow_down(self, services: Services, account: AccountRow, seconds: float) -> None:
        """Hold back everybody who shares the budget, after the other side asked for it."""
