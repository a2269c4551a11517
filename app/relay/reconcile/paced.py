"""Calls that nobody waits for: behind messages and statuses in a portal's budget, and tried again with patience.

Not for workers: whoever calls here waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from app.errors import RateLimited, Transient
from app.limiter import Horizon
from app.relay import pace
from app.relay.services import Services

T = TypeVar("T")

#: Seconds before the second, third, ... try of a call that failed.
_RETRY_DELAYS: Final = (1.0, 3.0, 10.0)
#: Where HubSpot asks for more patience than this (seconds) another run is better.
_LONGEST_REST: Final = 30.0
#: Where messages take the portal's whole budget for so long (seconds), likewise.
_LONGEST_WAIT: Final = 120.0


class Interrupted(Exception):
    """The process is to end."""


class Paced:
    """Makes the calls of one portal's comparison."""

    def __init__(
        self,
        services: Services,
        portal_id: int,
        *,
        stop: threading.Event,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Give up as soon as ``stop`` is set. ``before`` is called before each call."""
        self._services = services
        self._portal_id = portal_id
        self._stop = stop
        self._before = before

    def __call__(self, call: Callable[[], T]) -> T:
        """Make a call that may be repeated.

        Raises:
            RateLimited: the portal's budget leaves no room.
            Interrupted: the process is to end.
            RelayError: what the call raised, at last.
        """
        for delay in _RETRY_DELAYS:
            try:
                return self._once(call)
            except Transient as error:
                rest = delay if error.retry_after is None else error.retry_after
                if rest > _LONGEST_REST:
                    raise
                self._rest(rest)
        return self._once(call)

    def _once(self, call: Callable[[], T]) -> T:
        self._before()
        self._wait_for_slot()
        try:
            return call()
        except RateLimited as error:
            if error.retry_after is not None and error.reason == RateLimited.code:
                pace.penalise_hubspot(self._services, self._portal_id, error.retry_after)
            raise

    def _wait_for_slot(self) -> None:
        started = time.monotonic()
        while True:
            slot = pace.portal(self._services, self._portal_id, horizon=Horizon.RECONCILE)
            self._rest(slot.wait)
            if slot.reserved:
                return
            if time.monotonic() - started > _LONGEST_WAIT:
                hint = "Messages take all calls that HubSpot allows this portal: try again when it is quiet."
                raise RateLimited(hint, retry_after=_LONGEST_WAIT, code="no_room")

    def _rest(self, seconds: float) -> None:
        if self._stop.wait(seconds) if seconds > 0 else self._stop.is_set():
            raise Interrupted
