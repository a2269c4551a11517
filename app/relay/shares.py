"""Who is rung: nobody's flood holds up another, and statuses go before messages. Pure: the scheduler carries it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.lane import LaneKind
from app.limiter import SHARE, Horizon
from app.settings import Settings
from app.storage.rings import Busy, DueLane

#: HubSpot counts calls in windows of so many seconds.
HUBSPOT_WINDOW = 10.0
#: Statuses and account events find room beside a share that messages fill: one for so many lanes, and at least two.
_URGENT_ONE_IN, _URGENT_LEAST = 4, 2
_URGENT = frozenset({LaneKind.STATUS, LaneKind.CONTROL})


@dataclass(frozen=True)
class Shares:
    """Most lanes in flight at once.

    ``asking``: lanes of a portal with messages for HubSpot that may wait for their slot at once; more would ask in
    vain, because nothing is booked farther ahead than the horizon.
    """

    portal: int
    account: int
    asking: int

    @classmethod
    def of(cls, settings: Settings) -> Shares:
        """Return the shares that the settings make."""
        bookable = int(settings.hubspot_rate * SHARE / HUBSPOT_WINDOW * Horizon.MESSAGES.value)
        return cls(settings.portal_share, settings.account_share, max(bookable, 1))

    @property
    def largest(self) -> int:
        """The most that can be rung of one account and kind."""
        return self.account + _extra(self.account)


@dataclass(frozen=True)
class Choice:
    """The lanes to ring now. ``full``: portals at their share. ``passed_over``: some have to wait for room."""

    lanes: list[DueLane]
    full: frozenset[int]
    passed_over: bool


def choose(due: Iterable[DueLane], busy: Iterable[Busy], shares: Shares) -> Choice:
    """Choose lanes in their order, urgent ones first, while their portal and account have room."""
    count = _Count(busy, shares)
    ordered = sorted(due, key=lambda lane: lane.kind not in _URGENT)  # stable: the longest due stay first
    chosen = [lane for lane in ordered if count.take(lane)]
    return Choice(chosen, count.full(), passed_over=len(chosen) < len(ordered))


class _Count:
    """Lanes in flight, counted on while more are chosen."""

    def __init__(self, busy: Iterable[Busy], shares: Shares) -> None:
        self._shares = shares
        self._portal: Counter[int] = Counter()
        self._account: Counter[int] = Counter()
        self._asking: Counter[int] = Counter()
        for one in busy:
            self._portal[one.portal_id] += one.lanes
            self._account[one.account_id] += one.lanes
            self._asking[one.portal_id] += one.asking

    def take(self, lane: DueLane) -> bool:
        """Count a lane, if there is room for it."""
        if not self._has_room(lane):
            return False
        self._portal[lane.portal_id] += 1
        self._account[lane.account_id] += 1
        self._asking[lane.portal_id] += lane.kind is LaneKind.INBOUND
        return True

    def _has_room(self, lane: DueLane) -> bool:
        portal, account = self._shares.portal, self._shares.account
        if lane.kind in _URGENT:
            portal, account = portal + _extra(portal), account + _extra(account)
        elif lane.kind is LaneKind.INBOUND and self._asking[lane.portal_id] >= self._shares.asking:
            return False
        return self._portal[lane.portal_id] < portal and self._account[lane.account_id] < account

    def full(self) -> frozenset[int]:
        """Return the portals where nobody else is rung now."""
        at_share = {portal for portal, count in self._portal.items() if count >= self._shares.portal}
        return frozenset(at_share | {one for one, count in self._asking.items() if count >= self._shares.asking})


def _extra(share: int) -> int:
    return max(_URGENT_LEAST, share // _URGENT_ONE_IN)
