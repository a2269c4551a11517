"""Many lanes due at once: the broker holds no more of them than the shares allow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import redis

from app.bench.cluster import Cluster, Shape
from app.bench.report import Bar, Figure, Report, count
from app.bench.stub import Kind
from app.bench.trials import weather
from app.bench.trials.crowd import TOGETHER, crowded
from app.bench.trials.customers import Customers, said
from app.bench.trials.hold import held
from app.bench.trials.trial import Options, Trial
from app.bench.trials.watch import until
from app.doorbell import QUEUE_LANES
from app.settings import Settings

_LANES: Final = 20_000
_PORTALS, _ACCOUNTS = 2, 2
_EVERY = 0.02
_PATIENCE = 900.0
_SHAPE = Shape(workers=2, threads=32)


class _Gauge:
    """Looks again and again how many rings a Redis holds."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gauge")
        self.lengths: list[int] = []

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look until the end of the block."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()
            self._redis.close()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            self.lengths.append(int(self._redis.llen(QUEUE_LANES)))


def run(options: Options) -> Report:
    """Let 20,000 lanes be due in one moment, and watch the broker until all are drained."""
    lanes = options.scaled(_LANES, least=400)
    settings = {"hubspot_rate": str(weather.UNLIMITED)}
    with crowded(options, _SHAPE, settings, portals=_PORTALS, accounts=_ACCOUNTS) as (found, stub):
        gauge = _Gauge(found.settings.broker_url)
        _queue(found, lanes)
        began = time.monotonic()
        with gauge.looking():
            until(lambda: stub.counts()[Kind.PUBLISH] >= lanes, within=_PATIENCE, every=1.0)
        seconds = time.monotonic() - began
        texts = [one.text for one in stub.calls(Kind.PUBLISH)]
        figures = [
            count("lanes due at once", lanes),
            Figure("most rings in the broker", [max(gauge.lengths)], "", Bar.AT_MOST, allowed(found.settings)),
            count("looks at the broker", len(gauge.lengths)),
            count("lanes that were not drained", lanes - len(set(texts)), must_be=0),
            count("messages published twice", len(texts) - len(set(texts)), must_be=0),
            Figure("drained", [lanes / seconds], "lanes/s"),
        ]
        return Report("Slots: 20,000 lanes due at once, 64 worker slots", figures)


def allowed(settings: Settings) -> int:
    """Return how many lanes may be in flight at once."""
    return _PORTALS * min(settings.portal_share, _ACCOUNTS * settings.account_share)


def _queue(found: Cluster, lanes: int) -> None:
    """Have every account's customers write one message each, and let all of it be due in one moment."""
    share = lanes // len(found.accounts)
    with ExitStack() as portals:
        for portal_id in sorted({one.portal_id for one in found.accounts}):
            portals.enter_context(held(found.services, portal_id))
        for place, account in enumerate(found.accounts):
            words = [said(f"q{number}", 0) for number in range(place * share, (place + 1) * share)]
            Customers(account, found.webs).say(words, together=TOGETHER, in_flight=8)


TRIAL: Final = Trial(
    "slots", "20,000 lanes due at once, 64 worker slots: the broker holds no more than the shares", run
)
