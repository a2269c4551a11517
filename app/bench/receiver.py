"""``relay bench receiver``: how many webhooks a second are accepted, beside a Flask application that does nothing.

Cold: each request opens a conversation, so its lane is rung. Hot: the lane is a worker's already, so nothing is rung.
The same bytes go to the relay and to the other application; both have as many processes and threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Final

import click
import redis
from sqlalchemy import update

from app.bench import blast
from app.bench.blast import BlastFailed, Outcome
from app.bench.cluster import Cluster, DatabaseKind, Shape, running
from app.bench.measure import cpu_seconds
from app.bench.noop import NoOpServer
from app.bench.report import Bar, Figure, Report, show
from app.bench.webhooks import Sender, Text
from app.doorbell import QUEUE_LANES
from app.storage.clock import now
from app.storage.tables import lanes

#: Hot conversations; requests go to them in turn, as many at once as there are connections.
_HOT: Final = 64
_LEASE: Final = 3600.0
_COLD_BAR, _HOT_BAR = 0.35, 0.42
_MICRO = 1e6


class Source(StrEnum):
    """Who calls."""

    LOOPBACK = "loopback"
    HUBSPOT = "hubspot"


class Lanes(StrEnum):
    """What the requests meet."""

    COLD = "cold"
    HOT = "hot"


@dataclass(frozen=True)
class Traffic:
    """One kind of requests."""

    source: Source
    lanes: Lanes

    @property
    def name(self) -> str:
        """How the figures call it."""
        return f"{self.source.value}, {self.lanes.value}"

    @property
    def bar(self) -> float:
        """The least part of what the idle application takes."""
        return _COLD_BAR if self.lanes is Lanes.COLD else _HOT_BAR


TRAFFIC: Final = tuple(Traffic(source, lane) for source in Source for lane in Lanes)


@dataclass
class _Found:
    """What one kind of requests came to, a value for each run.

    ``ratios``: of the requests a second that are answered when nothing is done with them. ``cpu``: microseconds of the
    web's processes for a request. ``rung``: rings a request.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rung: list[float] = field(default_factory=list)


@click.command(name="receiver")
@click.option(
    "--database",
    "databases",
    type=click.Choice([one.value for one in DatabaseKind]),
    multiple=True,
    help="Default: each.",
)
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True)
@click.option("--requests", type=click.IntRange(20), default=300, show_default=True, help="Of each kind in each run.")
@click.option("--connections", type=click.IntRange(1), default=16, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_context
def command(
    ctx: click.Context, *, databases: Sequence[str], runs: int, requests: int, connections: int, as_json: bool
) -> None:
    """Webhooks accepted a second, beside a Flask application that does nothing."""
    reports = []
    for database in databases or [one.value for one in DatabaseKind]:
        # A web alone: nobody else shall need the processor. Logs are as they come.
        shape, settings = Shape(workers=0, media=0, schedulers=0), {"log_level": "INFO"}
        with running(shape, database=database, settings=settings, simulator=False, messengers=("loopback",)) as cluster:
            processes, threads = cluster.settings.web_processes, cluster.settings.web_threads
            with NoOpServer(processes=processes, threads=threads) as idle:
                measured = _Receiver(cluster, idle, requests, connections=connections).measure(runs)
        reports.append(Report(f"Receiver, {database}", measured))
    ctx.exit(show(reports, as_json=as_json))


class _Receiver:
    """One relay's web beside the application that does nothing."""

    def __init__(self, cluster: Cluster, idle: NoOpServer, requests: int, *, connections: int) -> None:
        self._sender = Sender(cluster)
        self._cluster = cluster
        self._idle = idle
        self._requests = requests
        self._connections = connections
        self._numbers = count(1)
        self._nothing = _Found()
        self._found = {one: _Found() for one in TRAFFIC}

    def measure(self, runs: int) -> list[Figure]:
        """Measure all kinds of requests in turn, as often as there are runs."""
        self._make_hot()
        for _ in range(runs):
            limit = self._run(self._nothing, self._texts(TRAFFIC[0]), self._idle.port, self._idle.pid)
            for traffic, found in self._found.items():
                before = self._rings()
                rate = self._run(found, self._texts(traffic), self._sender.port, self._cluster.pids()["web 1"])
                found.ratios.append(rate / limit)
                found.rung.append((self._rings() - before) / self._requests)
        return [*self._nothing_figures(), *(one for traffic in TRAFFIC for one in self._figures(traffic))]

    def _run(self, found: _Found, requests: list[bytes], port: int, web: int) -> float:
        """Send requests to a web with this process id. Returns how many a second were answered."""
        before = cpu_seconds(web)
        outcome = self._send(requests, port)
        found.outcomes.append(outcome)
        found.cpu.append((cpu_seconds(web) - before) / len(requests) * _MICRO)
        return outcome.rate

    def _nothing_figures(self) -> Iterator[Figure]:
        yield Figure("nothing done: answered", [one.rate for one in self._nothing.outcomes], "/s")
        yield Figure("nothing done: CPU", self._nothing.cpu, "us")

    def _figures(self, traffic: Traffic) -> Iterator[Figure]:
        found = self._found[traffic]
        yield Figure(f"{traffic.name}: accepted", [one.rate for one in found.outcomes], "/s")
        yield Figure(f"{traffic.name}: of nothing done", found.ratios, "x", Bar.AT_LEAST, traffic.bar)
        yield Figure(f"{traffic.name}: CPU", found.cpu, "us")
        yield Figure(f"{traffic.name}: p50", [one.quantile(50) * 1000 for one in found.outcomes], "ms")
        yield Figure(f"{traffic.name}: p99", [one.quantile(99) * 1000 for one in found.outcomes], "ms")
        bar = Bar.EXACTLY if traffic.lanes is Lanes.HOT else None
        yield Figure(f"{traffic.name}: rings a message", found.rung, bar=bar)

    def _send(self, requests: list[bytes], port: int) -> Outcome:
        outcome = blast.send(requests, port, connections=self._connections)
        if not outcome.is_clean:
            raise BlastFailed(f"Not every request was accepted: {outcome.statuses}, {outcome.lost} without an answer.")
        return outcome

    def _texts(self, traffic: Traffic) -> list[bytes]:
        """Make requests of one kind; those of cold lanes each have a conversation that nobody has seen."""
        numbers = [next(self._numbers) for _ in range(self._requests)]
        hot = traffic.lanes is Lanes.HOT
        texts = [Text(f"hot-{one % _HOT}" if hot else f"cold-{one}", f"Message {one}") for one in numbers]
        return [self._request(traffic.source, one) for one in texts]

    def _request(self, source: Source, text: Text) -> bytes:
        return self._sender.loopback([text]) if source is Source.LOOPBACK else self._sender.hubspot(text)

    def _make_hot(self) -> None:
        """Open the hot conversations both ways and give their lanes to a worker that does not exist."""
        texts = [Text(f"hot-{number}", "Good morning") for number in range(_HOT)]
        self._send([self._request(source, one) for one in texts for source in Source], self._sender.port)
        with self._cluster.services.database.write() as connection:
            connection.execute(update(lanes).values(owner="bench", lease=now() + _LEASE, rung_until=None))

    def _rings(self) -> int:
        """Count the rings in the broker, which nobody takes out."""
        with closing(redis.Redis.from_url(self._cluster.settings.broker_url)) as broker:
            return int(broker.llen(QUEUE_LANES))
