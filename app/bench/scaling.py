"""``relay bench scaling``: what one, two and four worker processes do together.

The work is bound by waiting: few threads a worker, and a HubSpot (a stub) that takes its time. Then twice as many
workers do twice as much, unless they stand in each other's way. With more threads or a faster HubSpot the machine's own
processors would be what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from typing import Final

import click

from app.bench.cluster import DatabaseKind, Shape
from app.bench.crew import workers
from app.bench.report import Bar, Figure, Report, show
from app.bench.traffic import Passage, Road, road

_COUNTS: Final = (1, 2, 4)
#: By number of workers: the least of what one of them does.
_BARS: Final = {2: 1.9, 4: 3.7}
#: So many rounds of all threads at both ends are not counted: they begin and end one after another.
_RAMP: Final = 1


@click.command(name="scaling")
@click.option(
    "--database", type=click.Choice([one.value for one in DatabaseKind]), default="postgresql", show_default=True
)
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True)
@click.option("--rounds", type=click.IntRange(4), default=8, show_default=True, help="Calls of each thread in a run.")
@click.option("--latency", type=float, default=0.4, show_default=True, help="Seconds until HubSpot answers.")
@click.option("--threads", type=click.IntRange(1), default=4, show_default=True, help="Of each worker.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_context
def command(
    ctx: click.Context, *, database: str, runs: int, rounds: int, latency: float, threads: int, as_json: bool
) -> None:
    """Messages a second of one, two and four worker processes."""
    rates: dict[int, list[float]] = {count: [] for count in _COUNTS}
    shape = Shape(workers=0, media=0, threads=threads)
    with road(shape, latency=latency, database=database) as way:
        for _ in range(runs):
            with ExitStack() as crew:
                for before, count in pairwise((0, *_COUNTS)):
                    crew.enter_context(workers(way.cluster, count - before))
                    rates[count].append(_run(way, rounds, in_flight=count * threads))
    notes = [
        f"Each call takes {latency * 1000:.0f} ms; {threads} threads a worker: the most is the threads' calls alone."
    ]
    ctx.exit(show([Report(f"Scaling, {database}", _figures(rates, threads / latency), notes)], as_json=as_json))


def _run(way: Road, rounds: int, *, in_flight: int) -> float:
    """Return the rate of the workers that are there. They have threads and connections after a first round."""
    way.pass_through(in_flight)
    return steady_rate(way.pass_through(rounds * in_flight), _RAMP * in_flight)


def steady_rate(passage: Passage, ramp: int) -> float:
    """Return the calls a second without the first and the last ``ramp`` of them."""
    times = sorted(one.arrived for one in passage.calls)[ramp:-ramp]
    return (len(times) - 1) / (times[-1] - times[0])


def _figures(rates: dict[int, list[float]], most: float) -> list[Figure]:
    figures = [Figure(f"{count} workers", rates[count], "/s") for count in _COUNTS]
    figures += [
        Figure(f"{count} workers: of waiting alone", _shares(rates[count], most * count), "x") for count in _COUNTS
    ]
    for count, bar in _BARS.items():
        ratios = [many / one for many, one in zip(rates[count], rates[1], strict=True)]
        figures.append(Figure(f"{count} workers: of one", ratios, "x", Bar.AT_LEAST, bar))
    return figures


def _shares(rates: Sequence[float], most: float) -> list[float]:
    return [rate / most for rate in rates]
