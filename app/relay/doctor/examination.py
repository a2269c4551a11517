"""How the doctor's checks are run: side by side, and no longer than there is time, whatever hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from queue import Empty, SimpleQueue
from typing import Final, TypeAlias

from app import logs
from app.errors import ConfigurationError, RelayError
from app.relay.findings import Finding, Level
from app.storage.database import DatabaseAway

#: Checks that run at once: few, because each may take a connection of a database that others need.
_AT_ONCE: Final = 8

_AWAY = "Start it, or correct RELAY_DATABASE_URL; `relay db upgrade` makes a new one."
_LATE = "What it asks does not answer: see to that, and run `relay doctor` again."
_BUG = "That is a mistake of the relay's own: please report it with the line `check_raised` of the log."

Job: TypeAlias = Callable[[], Iterable[Finding]]
Jobs: TypeAlias = Mapping[str, Job]

log = logs.get_logger(__name__)


class Examination:
    """Runs checks until its time is over. A check may run others in its turn."""

    def __init__(self, seconds: float) -> None:
        """Begin now; all checks together have ``seconds``."""
        self._until = time.monotonic() + seconds
        self._seconds = seconds
        #: Whether a check was left behind; its thread goes on until what it waits for gives up.
        self.is_late = False

    def run(self, jobs: Jobs, *, spare: float = 0.0) -> list[Finding]:
        """Return what the checks found, in the order of ``jobs``. Whatever a check raises is a finding, too.

        A check that has not ended ``spare`` seconds before the end of the time is a finding instead.
        """
        waiting: SimpleQueue[str] = SimpleQueue()
        done: SimpleQueue[tuple[str, list[Finding]]] = SimpleQueue()
        for name in jobs:
            waiting.put(name)
        for _ in range(min(_AT_ONCE, len(jobs))):
            # Not a pool: Python waits for a pool's threads at its end, and one may hang in a look-up of DNS.
            threading.Thread(target=_work, args=(jobs, waiting, done), name="doctor", daemon=True).start()
        found = dict(self._collect(done, len(jobs), self._until - spare))
        return [one for name in jobs for one in (found[name] if name in found else [self._late(name)])]

    def _collect(
        self, done: SimpleQueue[tuple[str, list[Finding]]], most: int, until: float
    ) -> Iterable[tuple[str, list[Finding]]]:
        for _ in range(most):
            try:
                yield done.get(timeout=max(until - time.monotonic(), 0.0))
            except Empty:
                return

    def _late(self, name: str) -> Finding:
        self.is_late = True
        return Finding(name, Level.FAIL, f"There is no result after {self._seconds:.0f} s.", _LATE)


def _work(jobs: Jobs, waiting: SimpleQueue[str], done: SimpleQueue[tuple[str, list[Finding]]]) -> None:
    while True:
        try:
            name = waiting.get_nowait()
        except Empty:
            return
        done.put((name, _guarded(name, jobs[name])))


def _guarded(name: str, job: Job) -> list[Finding]:
    try:
        return list(job())
    except DatabaseAway as error:
        return [Finding(name, Level.FAIL, f"The database does not answer ({type(error).__name__}).", _AWAY)]
    except (ConfigurationError, RelayError) as error:
        return [Finding(name, Level.FAIL, str(error))]
    except Exception as error:
        log.exception("check_raised", check=name)
        return [Finding(name, Level.FAIL, f"The check itself failed with {type(error).__name__}.", _BUG)]
