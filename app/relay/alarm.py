"""Rings for lanes that wait for a slot, at the slot's time, from the process that parked them.

The scheduler would ring too, but it looks only now and then: with it alone the second of two messages waited up to a
second for a slot that was 90 ms away. What is forgotten when a process dies is rung by the scheduler.
"""

from __future__ import annotations

import heapq
import threading
import time

from app.doorbell import Doorbell

#: Added to each wait (seconds): the database's clock decides whether a lane is due, and a ring too early is lost.
_SLACK = 0.005


class Alarm:
    """One thread that rings at given times. Started with the first one."""

    def __init__(self, doorbell: Doorbell) -> None:
        """Remember whom to ring with."""
        self._doorbell = doorbell
        self._times: list[tuple[float, int]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def ring_in(self, seconds: float, lane_id: int) -> None:
        """Ring for a lane in so many seconds."""
        with self._changed:
            heapq.heappush(self._times, (time.monotonic() + seconds + _SLACK, lane_id))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="alarm", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Forget what is left and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                wait = self._times[0][0] - now if self._times else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _, lane_id = heapq.heappop(self._times)
            self._doorbell.ring(lane_id)
