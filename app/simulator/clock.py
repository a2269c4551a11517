"""The simulated world's clock and ids: movable and repeatable."""

from __future__ import annotations

import itertools
import random
import threading
import time
import uuid
from datetime import UTC, datetime


class Clock:
    """Wall time that tests can move forward. Runs on the machine's monotonic clock, so it never jumps by itself."""

    def __init__(self) -> None:
        """Start at the machine's time."""
        self._origin = time.time() - time.monotonic()
        self._offset = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._origin + time.monotonic() + self._offset

    def milliseconds(self) -> int:
        """Milliseconds since the epoch."""
        return int(self.now() * 1000)

    def iso(self, at: float | None = None) -> str:
        """The time (default: now) as HubSpot writes it: UTC, milliseconds, Z."""
        moment = datetime.fromtimestamp(self.now() if at is None else at, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self._offset += seconds

    def reset(self) -> None:
        """Return to the machine's time."""
        self._offset = 0.0


class Ids:
    """Fresh ids; the same ones in the same order for the same seed. Thread-safe."""

    def __init__(self, seed: int | None = None) -> None:
        """Without a seed, ids differ from run to run."""
        self._random = random.Random(seed)
        self._numbers = itertools.count(self._random.randrange(8_100_000_000, 8_200_000_000))
        self._lock = threading.Lock()

    def number(self) -> str:
        """A fresh decimal id, larger than all before it."""
        with self._lock:
            return str(next(self._numbers))

    def hex(self) -> str:
        """A fresh id of 32 hexadecimal characters."""
        with self._lock:
            return f"{self._random.getrandbits(128):032x}"

    def uuid(self) -> str:
        """A fresh UUID."""
        return str(uuid.UUID(hex=self.hex(), version=4))

    def chance(self) -> bool:
        """Yes or no, evenly."""
        with self._lock:
            return self._random.random() < 0.5  # noqa: PLR2004 - one half
