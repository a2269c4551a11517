"""HubSpot's limit, kept and used by eight worker processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import func, select

from app.bench.callers import busiest
from app.bench.cluster import Cluster, Shape
from app.bench.report import Bar, Figure, Report, count
from app.bench.trials.customers import Customers, said
from app.bench.trials.observed import Call, Observed, observing
from app.bench.trials.trial import Options, Trial
from app.bench.trials.watch import until, workers_up
from app.domain.message import Direction
from app.simulator.hubspot import agent
from app.storage.tables import messages

#: HubSpot allows so many calls in so many seconds...
_LIMIT: Final = 110
_WINDOW: Final = 10.0
#: ...of which so much has to be used.
_SHARE = 0.95
#: Two windows: in the first, workers make their connections and take a token, and their first calls come in bunches; in
#: the second these are still counted. Then so many seconds are measured at full size.
_WARM_UP = 20.0
_MEASURED = 60
_PATIENCE = 120.0
_LANES = 60
_TOO_MANY = 429
#: An agent answers so often (seconds), so that statuses are among the calls.
_ANSWERS = 0.5
_SHAPE = Shape(workers=8, threads=8)
#: Access tokens live so long (seconds): the relay takes a new one a minute before that, every 20 s.
_TOKEN_LIFE = 80


def run(options: Options) -> Report:
    """Let 60 lanes have more to say than HubSpot allows, and look at its every call."""
    seconds = float(options.scaled(_MEASURED, least=15))
    with observing(options, _SHAPE, {"hubspot_rate": str(_LIMIT)}) as (found, observed):
        observed.world.switch(access_token_seconds=_TOKEN_LIFE)
        workers_up(found)
        wanted = round(_LIMIT / _WINDOW * (seconds + 2 * _WARM_UP))
        words = [said(f"c{number % _LANES}", number) for number in range(wanted)]
        observed.open(words)
        began = time.time()
        Customers(found.accounts[0], found.webs).say(words, together=10)
        with _answering(observed):
            until(lambda: time.time() > began + _WARM_UP + seconds, within=_PATIENCE + seconds)
        waiting = count("messages that still waited at the end", _waiting(found))
        measured = figures(observed.calls, began + _WARM_UP, seconds)
        return Report("Limit: eight workers, 110 calls in 10 s", [*measured, waiting])


@contextmanager
def _answering(observed: Observed) -> Iterator[None]:
    """Let an agent answer somebody again and again until the end of the block."""
    stop = threading.Event()

    def answer() -> None:
        number = 0
        while not stop.wait(_ANSWERS):
            with observed.world.lock:
                threads = list(observed.world.hubspot.threads.values())
                if threads:
                    agent.answer(observed.world, threads[number % len(threads)], agent.Reply(f"answer {number}"))
            number += 1

    thread = threading.Thread(target=answer, name="agent")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def figures(calls: Iterable[Call], warm: float, seconds: float) -> Sequence[Figure]:
    """Return what the calls say of the limit, from the end of the warm-up on for so many seconds."""
    calls = sorted(calls, key=lambda one: one.at)
    measured = [one for one in calls if warm <= one.at < warm + seconds]
    refused = [one.at for one in calls if one.status == _TOO_MANY]
    used = len(measured) / (_LIMIT / _WINDOW * seconds)
    return [
        count("seconds measured", seconds),
        count("warm-up: answers 429", sum(at < warm for at in refused)),
        count("warm-up: most calls in any 10 s", _busiest(one for one in calls if one.at < warm)),
        count("answers 429", sum(at >= warm for at in refused), must_be=0),
        Figure("most calls in any 10 s", [_busiest(measured)], "", Bar.AT_MOST, _LIMIT),
        Figure("share of the limit used", [used], "", Bar.AT_LEAST, _SHARE),
        *_kinds(measured),
    ]


def _busiest(calls: Iterable[Call]) -> int:
    return busiest([one.at for one in calls], _WINDOW)


def _kinds(calls: Sequence[Call]) -> Sequence[Figure]:
    refreshes = sum(one.is_refresh for one in calls)
    statuses = sum(one.method == "PATCH" for one in calls)
    published = len(calls) - refreshes - statuses
    named = {"messages published": published, "statuses told": statuses, "tokens refreshed": refreshes}
    return [count(name, value) for name, value in named.items()]


def _waiting(found: Cluster) -> int:
    """Count the customers' messages that are still to be published: with none left, the limit could not be used."""
    pending = (messages.c.status == "pending", messages.c.direction == Direction.INBOUND.value)
    with found.services.database.read() as connection:
        return int(connection.execute(select(func.count()).where(*pending)).scalar_one())


TRIAL: Final = Trial(
    "limit", "eight workers against 110 calls in 10 s: no 429, no window above it, 95 % of it used", run
)
