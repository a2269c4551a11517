"""Redis is killed under the receiver: it goes on answering 2xx, and no slower than before."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy import func, select

from app.bench import blast
from app.bench.blast import Outcome
from app.bench.cluster import BrokerKind, Cluster, Shape
from app.bench.report import Bar, Figure, Report, count
from app.bench.servers.redis_server import RedisServer
from app.bench.trials.crowd import crowded
from app.bench.trials.trial import Options, Trial
from app.bench.webhooks import Sender, Text
from app.storage.tables import envelopes

#: Webhooks a second, each of a customer who never wrote before: all of them are rung for.
_RATE: Final = 200
_BEFORE: Final = 20.0
_AWAY: Final = 60.0
_AFTER: Final = 10.0
_SILENT: Final = 20.0
#: The p99 while Redis is away, beside that before.
_BAR: Final = 1.5
#: Slower than this before (milliseconds), the machine is too busy for the rate, and a ratio of queues says nothing.
_CALM: Final = 250.0
_CONNECTIONS: Final = 32
_P99: Final = 99
_MILLISECONDS: Final = 1000
#: No worker runs: two cores have enough to do with the receiver and the load, and its time alone is asked for.
_SHAPE: Final = Shape(webs=1, web_processes=2, workers=0, media=0, schedulers=1)
_SETTINGS: Final = {"log_level": "ERROR", "web_threads": "16"}


class NoRedis(Exception):
    """The trial was asked to run with another broker."""


def run(options: Options) -> Report:
    """Send at a steady rate before, while and after Redis is away, and while it is there and answers nothing.

    Raises:
        NoRedis: the broker is to be another.
    """
    if options.broker != BrokerKind.REDIS:
        raise NoRedis("redis-away kills a Redis: run it with --broker redis.")
    with crowded(options, _SHAPE, _SETTINGS, portals=1, accounts=1) as (found, _):
        redis = found.backing.broker
        assert isinstance(redis, RedisServer)  # noqa: S101 - as asked for
        sender = Sender(found)
        _send(sender, "w", 3.0)
        before = _send(sender, "b", options.scale * _BEFORE)
        redis.kill()
        away = _send(sender, "a", options.scale * _AWAY)
        with ThreadPoolExecutor(1) as pool:
            back = pool.submit(redis.start)
            after = _send(sender, "z", options.scale * _AFTER)
            back.result()
        os.kill(redis.pid, signal.SIGSTOP)
        silent = _send(sender, "s", options.scale * _SILENT)
        os.kill(redis.pid, signal.SIGCONT)
        stored = _stored(found)
    return Report(
        f"Redis away for {options.scale * _AWAY:g} s at {_RATE} webhooks/s",
        figures([before, away, after, silent], stored),
    )


def _send(sender: Sender, prefix: str, seconds: float) -> Outcome:
    """Send at the rate for so long, from a process of its own; a request's time counts from when it was due."""
    requests = [sender.loopback([Text(f"{prefix}{number}", "Hello")]) for number in range(round(_RATE * seconds))]
    return blast.send(requests, sender.port, connections=_CONNECTIONS, rate=_RATE)


def _stored(found: Cluster) -> int:
    with found.services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(envelopes)).scalar_one())


def figures(outcomes: Sequence[Outcome], stored: int) -> list[Figure]:
    """Return what came of the loads: before, while and after Redis was away, and while it was silent.

    ``stored``: envelopes.
    """
    before, away, after, silent = outcomes
    answered = sum(sum(one.statuses.values()) for one in outcomes)
    found = [
        count("webhooks", answered),
        count("answers other than 2xx", sum(refused(one) for one in outcomes), must_be=0),
        count("webhooks without an answer", sum(one.lost for one in outcomes), must_be=0),
        count("answered and not stored", max(0, answered - stored), must_be=0),
    ]
    for name, one in (("before", before), ("while away", away), ("after", after), ("while silent", silent)):
        calm = Bar.AT_MOST if one is before else None
        found += [
            Figure(f"p50 {name}", [one.quantile(50) * _MILLISECONDS], "ms"),
            Figure(f"p99 {name}", [one.quantile(_P99) * _MILLISECONDS], "ms", calm, _CALM),
            Figure(f"longest {name}", [max(one.durations) * _MILLISECONDS], "ms"),
        ]
    slower = {"away": away.quantile(_P99), "silent": silent.quantile(_P99)}
    ratios = {name: each / before.quantile(_P99) for name, each in slower.items()}
    return [
        *found,
        Figure("p99 while away, to p99 before", [ratios["away"]], "x", Bar.AT_MOST, _BAR),
        Figure("p99 while silent, to p99 before", [ratios["silent"]], "x"),
    ]


def refused(one: Outcome) -> int:
    """Count the answers other than 2xx."""
    return sum(many for status, many in one.statuses.items() if not 200 <= status < 300)  # noqa: PLR2004 - 2xx


TRIAL: Final = Trial("redis-away", "Redis killed for 60 s under 200 webhooks/s: 2xx only, p99 at most 1.5 times", run)
