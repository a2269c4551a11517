"""Nothing lost and nothing doubled while workers and webs are killed."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from app.bench import scene
from app.bench.cluster import Cluster, Shape
from app.bench.report import Bar, Figure, Report
from app.bench.trials.order import SETTINGS, talking
from app.bench.trials.trial import Options, Trial
from app.bench.trials.watch import webs_at_work, workers_at_work

#: Seconds between two kills.
_EVERY = 1.0
#: With fewer at work, none is killed.
_LAST = 2
_SHAPE = Shape(webs=2, workers=2)
_SETTINGS = {**SETTINGS, "lease": "4", "call_timeout": "2"}


class _Killer:
    """Kills a worker and a web every second, each of those at work in its turn, but never the last one of its kind.

    Starting them again takes longer than a second where two cores do everything: without one that is at work there
    would be nothing to kill it at.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer")
        self._last: dict[str, int] = {}
        self.kills = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Kill until the end of the block."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            self._kill_one(webs_at_work(self._cluster))
            self._kill_one(workers_at_work(self._cluster))

    def _kill_one(self, at_work: Collection[str]) -> None:
        chosen = next_of(at_work, self._last)
        if chosen is None:
            return
        with suppress(ProcessLookupError):  # it has ended by itself
            self._cluster.kill(chosen)
            self.kills += 1
            self._last[chosen] = self.kills
        for role in self._cluster.supervisor.roles:
            role.deaths = 0  # by our hand, not by a fault of its own: it is started again at once


def next_of(at_work: Collection[str], last: Mapping[str, int]) -> str | None:
    """Return whose turn it is by when each was killed last. None: too few are at work."""
    if len(at_work) < _LAST:
        return None
    return min(sorted(at_work), key=lambda name: last.get(name, 0))


def run(options: Options) -> Report:
    """Let both sides write under kills until everything has arrived, and count."""
    with talking(options, _SHAPE, _SETTINGS) as (found, http, talk):
        scene.ask(http, "PUT", f"{found.page}/_sim/switches", {"webhook_time_scale": 0.05})
        killer = _Killer(found)
        with killer.at_work():
            talk.go()
        kills = Figure("kill -9", [killer.kills], "", Bar.AT_LEAST, 1)
        return talk.report("Kills: kill -9 of a worker and of a web every second", kills)


TRIAL: Final = Trial("kills", "the same, and kill -9 of a worker and of a web every second", run)
