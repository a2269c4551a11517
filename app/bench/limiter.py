"""``relay bench limiter``: how much of a limit is used, whether it is ever exceeded, and what keeping it costs.

Threads that want more than a limit allows reserve, wait and call, in one process and in eight. The limiter itself
leaves a fiftieth of the limit over; of the rest they should use all. Then a worker, with and without a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Final

import click
import redis

from app.bench.callers import Limit, busiest, saturate
from app.bench.cluster import DatabaseKind, Shape
from app.bench.measure import Cost, cost, cpu_seconds
from app.bench.report import Bar, Figure, Report, show
from app.bench.servers.redis_server import RedisServer
from app.bench.traffic import UNLIMITED, road
from app.limiter import SHARE, Horizon, Limiter

_PROCESSES: Final = (1, 8)
#: Threads of each process: enough to have the next two seconds booked out.
_THREADS: Final = {1: 32, 8: 8}
_SHARE_BAR, _CPU_BAR = 0.98, 1.5
#: HubSpot's limit, its window a quarter as long, so that a short run sees several windows. The fiftieth that is left
#: over forgives calls that come 50 ms after their slots, a quarter of what it forgives in the whole window.
_RATE, _WINDOW = 110, 2.5
#: Of the worker's limit: calls in ten seconds.
_WORKER_RATE = "400"
_MICRO = 1e6


@click.command(name="limiter")
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True)
@click.option("--seconds", type=float, default=5.0, show_default=True, help="Of each run at the limit.")
@click.option("--calls", type=click.IntRange(10), default=1000, show_default=True, help="Timed in each run.")
@click.option("--messages", type=click.IntRange(10), default=150, show_default=True, help="Of the worker in each run.")
@click.option(
    "--database", type=click.Choice([one.value for one in DatabaseKind]), default="postgresql", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_context
def command(
    ctx: click.Context, *, runs: int, seconds: float, calls: int, messages: int, database: str, as_json: bool
) -> None:
    """Share of a limit that is used, windows above it, and the cost of keeping it."""
    with RedisServer() as server:
        with closing(Limiter(server.url)) as limiter:
            limiter.trust()
        alone = [*_at_the_limit(server.url, runs, seconds), *_cost(server.url, runs, calls)]
    reports = [Report("Limiter", alone), Report("Worker at a limit", _workers(database, runs, messages))]
    ctx.exit(show(reports, as_json=as_json))


def _at_the_limit(url: str, runs: int, seconds: float) -> list[Figure]:
    found: dict[int, list[list[float]]] = {processes: [] for processes in _PROCESSES}
    for run in range(runs):
        for processes in _PROCESSES:
            limit = Limit(url, f"bench-{processes}-{run}", _RATE, _WINDOW)
            found[processes].append(saturate(limit, processes=processes, threads=_THREADS[processes], seconds=seconds))
    return [figure for processes, times in found.items() for figure in _limit_figures(processes, times)]


def _limit_figures(processes: int, found: Sequence[Sequence[float]]) -> list[Figure]:
    shares = [(len(times) - 1) / (times[-1] - times[0]) / (_RATE / _WINDOW) for times in found]
    name = f"{processes} process{'es' * (processes > 1)}"
    return [
        Figure(f"{name}: of the limit", shares, "x"),
        Figure(f"{name}: of what the limiter allows", [one / SHARE for one in shares], "x", Bar.AT_LEAST, _SHARE_BAR),
        Figure(
            f"{name}: calls over the limit", [max(0, busiest(one, _WINDOW) - _RATE) for one in found], "", Bar.EXACTLY
        ),
    ]


def _cost(url: str, runs: int, calls: int) -> list[Figure]:
    """Compare a reservation with one round trip to Redis, in one thread."""
    client, limiter = redis.Redis.from_url(url), Limiter(url)
    reserve = partial(limiter.reserve, "bench-cost", rate=10**6, seconds=1.0, horizon=Horizon.MESSAGES)
    trip = partial(client.get, "bench")
    raw, ours = _in_turn([trip, reserve], runs, calls)
    limiter.close()
    client.close()
    return [
        Figure("round trip to Redis", [one.wall for one in raw], "us"),
        Figure("reservation", [one.wall for one in ours], "us"),
        Figure("reservation: of a round trip", [one.wall / two.wall for one, two in zip(ours, raw, strict=True)], "x"),
        Figure("reservation: CPU", [one.cpu for one in ours], "us"),
    ]


def _in_turn(works: Sequence[Callable[[], object]], runs: int, calls: int) -> list[list[Cost]]:
    found: list[list[Cost]] = [[] for _ in works]
    for _ in range(runs):
        for costs, work in zip(found, works, strict=True):
            costs.append(cost(work, calls))
    return found


def _workers(database: str, runs: int, messages: int) -> list[Figure]:
    free = _worker(database, runs, messages, UNLIMITED)
    limited = _worker(database, runs, messages, {"hubspot_rate": _WORKER_RATE})
    ratios = [one / two for one, two in zip(limited, free, strict=True)]
    return [
        Figure("unlimited: worker's CPU a message", free, "us"),
        Figure("limited: worker's CPU a message", limited, "us"),
        Figure("limited: of unlimited", ratios, "x", Bar.AT_MOST, _CPU_BAR),
    ]


def _worker(database: str, runs: int, messages: int, settings: Mapping[str, str]) -> list[float]:
    """Return the CPU microseconds of a worker for each message that it publishes."""
    found = []
    with road(Shape(media=0), latency=0.02, database=database, settings=settings) as way:
        for _ in range(runs):
            worker = way.cluster.pids()["worker 1"]
            before = cpu_seconds(worker)
            way.pass_through(messages)
            found.append((cpu_seconds(worker) - before) / messages * _MICRO)
    return found
