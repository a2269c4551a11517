"""A portal with a long queue, and its neighbour who has a word to say."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

from app.bench.cluster import Cluster, Shape
from app.bench.report import Bar, Figure, Report, count
from app.bench.stub import Kind, StubServer
from app.bench.trials import weather
from app.bench.trials.crowd import TOGETHER, crowded
from app.bench.trials.customers import Customers, said
from app.bench.trials.hold import held
from app.bench.trials.trial import Options, Trial
from app.bench.trials.watch import until

#: Queued for one portal, in conversations of ten messages each.
_QUEUED: Final = 20_000
_EACH = 10
#: What the neighbour's customers write, all in one moment, each in a conversation of their own.
_FEW = 10
#: Of ten messages the slowest is the 99th percentile; it may take so long (seconds).
_BAR = 2.0
#: The queue is being worked on for so long (seconds) before the neighbour's customers write.
_HEAD_START = 3.0
_PATIENCE = 60.0
_SHAPE = Shape(workers=2, threads=32)
#: Once the queue stands before HubSpot's limit, and once before the workers: then it takes all of them that it may.
_RUNS: Final[Mapping[str, int]] = {"within HubSpot's limit": 110, "without a limit": weather.UNLIMITED}


def run(options: Options) -> Report:
    """Queue 20,000 messages for one portal, then 10 for another, under HubSpot's limit and without one."""
    figures = [one for name, rate in _RUNS.items() for one in _run(options, name, rate)]
    note = "Queued by webhooks of 100 messages while their portal was paused; then it ran again."
    return Report("Neighbour: 20,000 messages wait for one portal when 10 come for another", figures, [note])


def _run(options: Options, name: str, rate: int) -> Sequence[Figure]:
    queued = options.scaled(_QUEUED, least=200)
    with crowded(options, _SHAPE, {"hubspot_rate": str(rate)}, portals=2, accounts=1) as (found, stub):
        alone = _few(found, stub, "alone")
        _queue(found, queued)
        time.sleep(_HEAD_START)
        beside = _few(found, stub, "beside")
        left = queued - sum(one.text.startswith("q") for one in stub.calls(Kind.PUBLISH))
        return [
            Figure(f"{name}: the slowest of 10, alone", [max(alone)], "s"),
            Figure(f"{name}: the slowest of 10, beside", [max(beside)], "s", Bar.AT_MOST, _BAR),
            count(f"{name}: still queued when they had arrived", left),
        ]


def _queue(found: Cluster, queued: int) -> None:
    """Have the first portal's customers write, and let it all be due in one moment."""
    account = found.accounts[0]
    words = [said(f"q{number // _EACH}", number) for number in range(queued)]
    with held(found.services, account.portal_id):
        Customers(account, found.webs).say(words, together=TOGETHER, in_flight=8)


def _few(found: Cluster, stub: StubServer, name: str) -> list[float]:
    """Let ten of the second portal's customers write; return after how many seconds each was at HubSpot.

    One that does not arrive within a minute counts as that late.
    """
    words = [said(f"{name}{number}", 0) for number in range(_FEW)]
    began = time.time()
    Customers(found.accounts[1], found.webs).say(words, in_flight=_FEW)
    arrived = dict[str, float]()

    def all_are_there() -> bool:
        arrived.update({one.text: one.arrived for one in stub.calls(Kind.PUBLISH)})
        return all(str(one) in arrived for one in words)

    until(all_are_there, within=_PATIENCE, every=1.0)
    return [arrived.get(str(one), began + _PATIENCE) - began for one in words]


TRIAL: Final = Trial("neighbour", "20,000 messages wait for one portal, then 10 for another: under 2 s", run)
