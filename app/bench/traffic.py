"""Customers' messages on their way through a whole relay: sent to its web, awaited at the stub, timed in between."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

import httpx

from app.bench import blast
from app.bench.blast import BlastFailed
from app.bench.cluster import Cluster, Shape, running
from app.bench.failure import BenchFailed
from app.bench.stub import Call, Kind, StubServer
from app.bench.webhooks import Sender, Text

#: So high that neither HubSpot's limit nor a share of the workers is in the way of what is measured.
UNLIMITED: Final[Mapping[str, str]] = {"hubspot_rate": "1000000", "portal_share": "100000", "account_share": "100000"}
#: Seconds that a run may take.
_PATIENCE = 120.0
_RUNG: Final = re.compile(r'^relay_rings_total\{outcome="rung"\} (\S+)', re.MULTILINE)


class Undelivered(BenchFailed):
    """Messages did not arrive at the stub in time."""


@dataclass(frozen=True)
class Passage:
    """Messages that have passed. ``times``: of each, from the moment its request was due to HubSpot's answer."""

    calls: Sequence[Call]
    times: Sequence[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Messages a second, from the first request to the last answer."""
        return len(self.calls) / self.seconds


class Road:
    """From the web of a relay to a stub of HubSpot."""

    def __init__(self, cluster: Cluster, stub: StubServer) -> None:
        """Send for the accounts of a cluster, in turn."""
        self.cluster = cluster
        self.stub = stub
        self._sender = Sender(cluster)
        self._numbers = count(1)

    def warm_up(self) -> None:
        """Let a message pass for each account: connections and access tokens are made for the first one."""
        for _ in self.cluster.accounts:
            self.pass_through(1)

    def pass_through(self, conversations: int, *, each: int = 1, rate: float | None = None) -> Passage:
        """Send ``each`` messages of so many new conversations in one request each, and wait for all of them.

        ``rate``: requests a second; without it as fast as they are accepted.

        Raises:
            Undelivered: they did not all arrive.
        """
        self.stub.reset()
        began = self._send(self._requests(conversations, each), rate)
        calls = self._await(conversations * each)
        step = 1 / rate if rate else 0.0
        times = [one.answered - (began + step * int(one.text)) for one in calls]
        return Passage(calls, times, max(one.answered for one in calls) - began)

    def rings(self) -> float:
        """Count the rings of all processes since their start."""
        text = httpx.get(f"{self.cluster.webs[0]}/metrics").text
        return sum(float(one) for one in _RUNG.findall(text))

    def _requests(self, conversations: int, each: int) -> list[bytes]:
        """Make requests. A message's words are the number of its request."""
        names = [f"c{next(self._numbers)}" for _ in range(conversations)]
        return [self._sender.loopback([Text(name, str(at))] * each) for at, name in enumerate(names)]

    def _send(self, requests: list[bytes], rate: float | None) -> float:
        outcome = blast.send(requests, self._sender.port, rate=rate)
        if not outcome.is_clean:
            raise BlastFailed(f"Not every request was accepted: {outcome.statuses}, {outcome.lost} without an answer.")
        return outcome.began

    def _await(self, messages: int) -> list[Call]:
        deadline = time.monotonic() + _PATIENCE
        while (arrived := self.stub.counts()[Kind.PUBLISH]) < messages:
            if time.monotonic() > deadline:
                raise Undelivered(f"Of {messages} messages {arrived} arrived within {_PATIENCE:.0f} s.")
            time.sleep(0.05)
        return self._answered()

    def _answered(self) -> list[Call]:
        """Return the publications once the last of them is answered."""
        while True:
            calls = self.stub.calls(Kind.PUBLISH)
            if all(one.answered for one in calls):
                return calls
            time.sleep(0.01)


@contextmanager
def road(
    shape: Shape, *, latency: float, database: str, settings: Mapping[str, str] = UNLIMITED, accounts: int = 1
) -> Iterator[Road]:
    """Run a relay and a stub that answers after ``latency`` seconds. Logs are as they come."""
    with StubServer(latency=latency) as stub:
        chosen = {"hubspot_api_url": stub.url, "log_level": "INFO", **settings}
        loopback = ("loopback",)
        with running(
            shape, database=database, settings=chosen, simulator=False, accounts=accounts, messengers=loopback
        ) as cluster:
            way = Road(cluster, stub)
            if shape.workers:
                way.warm_up()
            yield way
