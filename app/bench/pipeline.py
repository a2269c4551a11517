"""``relay bench pipeline``: what a worker spends on a message, and how long a message is on its way.

A worker's CPU time a message is held against the sum of the raw parts that nobody gets around (``raw``). Customers'
messages, from Loopback to HubSpot; HubSpot is a stub that answers after ``--latency``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

import click

from app.bench.cluster import DatabaseKind, Shape
from app.bench.measure import cpu_seconds, percentile
from app.bench.raw import IdleWorker, Parts, RawParts
from app.bench.report import Bar, Figure, Report, show
from app.bench.traffic import Passage, Road, road

#: Messages of one request in a burst.
_BURST: Final = 10
_ONE_BAR, _BURST_BAR, _TASKS_BAR, _P50_BAR, _P95_BAR = 1.35, 0.9, 0.2, 1.08, 1.25
_MILLI, _MICRO = 1e3, 1e6


@dataclass(frozen=True)
class Spent:
    """What a worker did: CPU microseconds and rings for each message."""

    passage: Passage
    cpu: float
    tasks: float


@dataclass
class _Found:
    """What was measured, a value for each run."""

    parts: list[Parts] = field(default_factory=list)
    single: list[Spent] = field(default_factory=list)
    burst: list[Spent] = field(default_factory=list)
    steady: list[Spent] = field(default_factory=list)


@click.command(name="pipeline")
@click.option(
    "--database", type=click.Choice([one.value for one in DatabaseKind]), default="postgresql", show_default=True
)
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True)
@click.option("--messages", type=click.IntRange(10), default=300, show_default=True, help="In each part of a run.")
@click.option("--latency", type=float, default=0.1, show_default=True, help="Seconds until HubSpot answers.")
@click.option("--threads", type=click.IntRange(1), default=32, show_default=True, help="Of the worker.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_context
def command(
    ctx: click.Context, *, database: str, runs: int, messages: int, latency: float, threads: int, as_json: bool
) -> None:
    """CPU time of a worker a message beside its raw parts, and the time a message takes."""
    with road(Shape(media=0, threads=threads), latency=latency, database=database) as way:
        settings = way.cluster.settings
        with IdleWorker(settings.broker_url, threads=threads) as idle:
            parts = RawParts(idle, database_url=settings.database, redis_url=settings.limiter_url, api_url=way.stub.url)
            with closing(parts):
                found = _measure(way, parts, runs, messages=messages, latency=latency)
    ctx.exit(show([Report(f"Pipeline, {database}", _figures(found, latency))], as_json=as_json))


def _measure(way: Road, parts: RawParts, runs: int, *, messages: int, latency: float) -> _Found:
    found = _Found()
    for _ in range(runs):
        way.stub.reset(latency=0.0)
        found.parts.append(parts.measure(messages))
        way.stub.reset(latency=latency)
        single = _spend(way, lambda: way.pass_through(messages))
        found.single.append(single)
        found.burst.append(_spend(way, lambda: way.pass_through(messages // _BURST, each=_BURST)))
        half = single.passage.rate / 2
        found.steady.append(_spend(way, lambda half=half: way.pass_through(messages, rate=half)))  # type: ignore[misc]
    return found


def _spend(way: Road, work: Callable[[], Passage]) -> Spent:
    """Let messages pass, and say what that cost the worker."""
    worker = way.cluster.pids()["worker 1"]
    cpu, rings = cpu_seconds(worker), way.rings()
    passage = work()
    messages = len(passage.calls)
    return Spent(passage, (cpu_seconds(worker) - cpu) / messages * _MICRO, (way.rings() - rings) / messages)


def _figures(found: _Found, latency: float) -> list[Figure]:
    return [*_raw_figures(found), *_cpu_figures(found), *_time_figures(found, latency)]


def _raw_figures(found: _Found) -> list[Figure]:
    return [
        Figure("raw: Celery task", [one.task for one in found.parts], "us"),
        Figure("raw: httpx POST", [one.post for one in found.parts], "us"),
        Figure("raw: SQL transaction", [one.transaction for one in found.parts], "us"),
        Figure("raw: script in Redis", [one.script for one in found.parts], "us"),
        Figure("raw: a message (two transactions)", [one.message for one in found.parts], "us"),
    ]


def _cpu_figures(found: _Found) -> list[Figure]:
    limits = [one.message for one in found.parts]

    def ratios(spent: list[Spent]) -> list[float]:
        return [one.cpu / limit for one, limit in zip(spent, limits, strict=True)]

    return [
        Figure("1 a lane: worker's CPU a message", [one.cpu for one in found.single], "us"),
        Figure("1 a lane: of raw", ratios(found.single), "x", Bar.AT_MOST, _ONE_BAR),
        Figure("1 a lane, half the rate: worker's CPU a message", [one.cpu for one in found.steady], "us"),
        Figure("1 a lane, half the rate: of raw", ratios(found.steady), "x"),
        Figure("10 a lane: worker's CPU a message", [one.cpu for one in found.burst], "us"),
        Figure("10 a lane: of raw", ratios(found.burst), "x", Bar.AT_MOST, _BURST_BAR),
        Figure("10 a lane: Celery tasks a message", [one.tasks for one in found.burst], "", Bar.AT_MOST, _TASKS_BAR),
    ]


def _time_figures(found: _Found, latency: float) -> list[Figure]:
    def times(hundredths: int) -> list[float]:
        return [percentile(one.passage.times, hundredths) for one in found.steady]

    return [
        Figure("saturated, 1 a lane", [one.passage.rate for one in found.single], "/s"),
        Figure("saturated, 10 a lane", [one.passage.rate for one in found.burst], "/s"),
        Figure("half the rate: p50", [one * _MILLI for one in times(50)], "ms"),
        Figure(
            "half the rate: p50 of HubSpot's time", [one / latency for one in times(50)], "x", Bar.AT_MOST, _P50_BAR
        ),
        Figure("half the rate: p95", [one * _MILLI for one in times(95)], "ms"),
        Figure(
            "half the rate: p95 of HubSpot's time", [one / latency for one in times(95)], "x", Bar.AT_MOST, _P95_BAR
        ),
    ]
