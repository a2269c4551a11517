"""The memory of a worker over many messages: what it grows by after it has warmed up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.bench.cluster import Cluster, Shape
from app.bench.report import Bar, Figure, Report, count
from app.bench.stub import Kind, StubServer
from app.bench.trials import weather
from app.bench.trials.crowd import TOGETHER, crowded
from app.bench.trials.customers import Customers, said
from app.bench.trials.trial import Options, Trial
from app.bench.trials.watch import until, workers_up

#: Messages of customers; the way back goes through the same worker, the same client and the same database code.
_MESSAGES: Final = 100_000
#: The first tenth is the warm-up, whatever the scale.
_SAMPLES: Final = 20
_WARM: Final = 2
#: Percent.
_BAR: Final = 5.0
_PATIENCE: Final = 900.0
_MEGABYTE: Final = 1_000_000
_SHAPE: Final = Shape(workers=1, media=0)
_SETTINGS: Final = {"hubspot_rate": str(weather.UNLIMITED), "log_level": "ERROR"}


def run(options: Options) -> Report:
    """Let messages pass in equal portions; look at the worker's memory after each."""
    portion = max(options.scaled(_MESSAGES) // _SAMPLES, TOGETHER)
    with crowded(options, _SHAPE, _SETTINGS, portals=1, accounts=1) as (found, stub):
        workers_up(found)
        worker = found.pids()["worker 1"]
        samples = [resident(worker)]
        for number in range(_SAMPLES):
            _pass(found, stub, range(number * portion, (number + 1) * portion))
            samples.append(resident(worker))
        alive = found.pids()["worker 1"] == worker
    figures = [
        count("messages, inbound", portion * _SAMPLES),
        Figure("memory after the warm-up", [samples[_WARM] / _MEGABYTE], "MB"),
        Figure("memory at the end", [samples[-1] / _MEGABYTE], "MB"),
        Figure("growth after the warm-up", [growth(samples)], "%", Bar.AT_MOST, _BAR),
        count("the same process to the end", alive, must_be=1),
    ]
    shown = ", ".join(f"{one / _MEGABYTE:.1f}" for one in samples)
    title = "Memory of one worker"
    return Report(title, figures, [f"MB at the start and after each {portion:,} messages: {shown}"])


def growth(samples: Sequence[int]) -> float:
    """Return by how many percent the memory grew after the warm-up. The most of the last tenth counts."""
    return (max(samples[-_WARM:]) / samples[_WARM] - 1) * 100


def resident(process: int) -> int:
    """Return the bytes of memory that a process has for itself, in use now."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _pass(found: Cluster, stub: StubServer, numbers: range) -> None:
    """Let so many messages pass, ten to a conversation, and wait for the last."""
    stub.reset()
    words = [said(f"c{number // 10}", number) for number in numbers]
    Customers(found.accounts[0], found.webs).say(words, together=TOGETHER, in_flight=4)
    until(lambda: stub.counts()[Kind.PUBLISH] >= len(numbers), within=_PATIENCE, every=0.5)


TRIAL: Final = Trial("memory", "100,000 messages through one worker: its memory grows by less than 5 %", run)
