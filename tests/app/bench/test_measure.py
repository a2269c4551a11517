from __future__ import annotations

import os
import subprocess
import sys
import time

from app.bench.measure import cost, cpu_seconds, percentile


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_cpu_time_and_time_on_the_clock_are_told_apart() -> None:
    busy = cost(lambda: spin(0.02), 3)
    idle = cost(lambda: time.sleep(0.02), 3)
    assert busy.cpu >= 20_000
    assert idle.wall >= 20_000
    assert idle.cpu < 10_000


def test_a_process_counts_with_its_children() -> None:
    child = "import time\nwhile time.thread_time() < 0.3: pass\nprint('done', flush=True)\ntime.sleep(60)"
    before = cpu_seconds(os.getpid())
    with subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        process.stdout.readline()
        alone, together = cpu_seconds(process.pid), cpu_seconds(os.getpid())
        process.kill()
    assert alone >= 0.29
    assert together - before >= alone - 0.02


def test_percentiles() -> None:
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0
    assert percentile([float(one) for one in range(101)], 95) == 95.0
    assert percentile([7.0], 99) == 7.0
