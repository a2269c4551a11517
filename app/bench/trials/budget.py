"""An agent's status, told while thousands of lanes wait for HubSpot's budget."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any, Final

from app.bench import cluster, scene
from app.bench.cluster import Cluster, Shape
from app.bench.report import Bar, Figure, Report, count
from app.bench.trials.crowd import TOGETHER
from app.bench.trials.customers import Customers, said
from app.bench.trials.trial import Options, Trial
from app.bench.trials.watch import until
from app.http import Http

_LANES: Final = 5000
_ANSWERS: Final = 10
#: The worst of the answers has to be told within this time (seconds).
_BAR = 2.0
_PATIENCE = 60.0
#: How often HubSpot is looked at (seconds): as finely is the time measured.
_LOOK = 0.02
_PAUSE = 1.0
_SHAPE = Shape(workers=2, threads=32)


class _Agent:
    """Answers one customer, and watches for the message's status."""

    def __init__(self, found: Cluster, http: Http) -> None:
        self._http = http
        self._page = found.page
        self._account = found.accounts[0]
        self._customers = Customers(self._account, found.webs)
        self._thread = ""

    def meet(self) -> None:
        """Wait until the customer's first words are there."""
        place = {"account": self._account.name, "conversation": "dana"}
        self._ask("POST", "loopback/conversations", place)
        self._customers.say([said("dana", 0)])
        until(lambda: bool(self._ask("GET", "threads")), within=_PATIENCE)
        self._thread = self._ask("GET", "threads")[0]["id"]

    def queue(self, lanes: int) -> None:
        """Let so many others write."""
        self._customers.say((said(f"q{number}", 0) for number in range(lanes)), together=TOGETHER, in_flight=8)

    def told_after(self) -> float:
        """Answer; return after how many seconds HubSpot was told that it is sent: a minute where it was not told."""
        began = time.monotonic()
        answer = self._ask("POST", f"threads/{self._thread}/reply", {"text": "answer"})["id"]
        until(lambda: self._is_told(answer), within=_PATIENCE, every=_LOOK)
        return time.monotonic() - began

    def _is_told(self, answer: str) -> bool:
        messages = self._ask("GET", f"threads/{self._thread}/messages")
        return any(one["id"] == answer and "SENT" in one["statusPatches"] for one in messages)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return scene.ask(self._http, method, f"{self._page}/_sim/{path}", body)


def run(options: Options) -> Report:
    """Queue 5,000 customers' messages at 11 calls a second, then let an agent answer ten times."""
    lanes = options.scaled(_LANES, least=100)
    with (
        cluster.running(_SHAPE, database=options.database, broker=options.broker, messengers=("loopback",)) as found,
        closing(Http(call_timeout=30.0)) as http,
    ):
        agent = _Agent(found, http)
        agent.meet()
        alone = agent.told_after()
        agent.queue(lanes)
        told = []
        for _ in range(_ANSWERS):
            time.sleep(_PAUSE)
            told.append(agent.told_after())
        left = lanes + 1 - len(scene.ask(http, "GET", f"{found.page}/_sim/threads"))
        figures = [
            Figure("told after, with nobody waiting", [alone], "s"),
            Figure("told after", told, "s"),
            Figure("the worst of 10", [max(told)], "s", Bar.AT_MOST, _BAR),
            count("lanes that still waited at the end", left),
        ]
        return Report("Budget: an agent's status while 5,000 lanes wait for HubSpot's budget", figures)


TRIAL: Final = Trial("budget", "5,000 lanes wait for HubSpot's budget; an agent's status is told within 2 s", run)
