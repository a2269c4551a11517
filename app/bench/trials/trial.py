"""What a trial is: a name, a sentence, and a function that returns what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.bench.report import Report


@dataclass(frozen=True)
class Options:
    """How a trial is run.

    ``scale``: 1 is the size that the promise speaks of, 0.1 a tenth of the load. ``database`` and ``broker`` are words
    of the cluster.
    """

    database: str = "postgresql"
    broker: str = "redis"
    scale: float = 1.0

    def scaled(self, full: int, *, least: int = 1) -> int:
        """Return a number of things at this scale, never fewer than ``least``."""
        return max(round(full * self.scale), least)


@dataclass(frozen=True)
class Trial:
    """One trial. ``run`` starts what it needs, ends it, and returns its figures, each beside its bar."""

    name: str
    about: str
    run: Callable[[Options], Report]
