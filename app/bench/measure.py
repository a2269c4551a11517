"""What measurements have in common: a call's cost, a process's CPU time, a percentile."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Ticks a second in which Linux counts a process's CPU time.
_TICKS: Final = os.sysconf("SC_CLK_TCK")
#: Where these fields stand in /proc/<pid>/stat, behind the program's name (proc(5): 14 and 15).
_USER, _SYSTEM = 11, 12
_MICRO: Final = 1e6


@dataclass(frozen=True)
class Cost:
    """What one call takes, in microseconds: by the clock, and of this thread's CPU."""

    wall: float
    cpu: float


def cost(call: Callable[[], object], times: int) -> Cost:
    """Make a call so often in this thread, and say what one takes."""
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(times):
        call()
    used, passed = time.thread_time() - cpu, time.perf_counter() - wall
    return Cost(passed / times * _MICRO, used / times * _MICRO)


def cpu_seconds(*pids: int) -> float:
    """Return the CPU time that these processes and their children have used; what has ended does not count. Linux."""
    return sum(_ticks(one) for pid in pids for one in _family(pid)) / _TICKS


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[_USER]) + int(fields[_SYSTEM])


def percentile(values: Sequence[float], hundredths: int) -> float:
    """Return a percentile; of one value, that value."""
    return statistics.quantiles(values, n=100, method="inclusive")[hundredths - 1] if len(values) > 1 else values[0]
