"""A talk: customers and agents write at once, in few conversations, and both sides are counted at the end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from app.bench.chaos import checks, ledger
from app.bench.chaos.checks import Breach, Rule
from app.bench.cluster import Cluster
from app.bench.load import Line, Load, Side, Words, conversations
from app.bench.report import Figure, Report, count
from app.bench.trials.customers import Customers, service_id
from app.bench.trials.watch import until

#: Everything has to arrive within this time (seconds) after the last word was said.
_PATIENCE = 300.0
_LOOK = 1.0
#: Of so many breaches the table tells what they were.
_TOLD = 10

#: What must not be. The services here know a repeated call, so that the rules for the others cannot be broken.
_RULES: Final[Sequence[Rule]] = (
    *(Rule.LOST, Rule.ORDER, Rule.OVERLAP, Rule.TWICE_IN_HUBSPOT, Rule.TWICE_WITH_KEY),
    *(Rule.VERDICT, Rule.DEAD, Rule.SPLIT, Rule.STRANGE),
)


@dataclass(frozen=True)
class Size:
    """``messages`` each way, over so many conversations, so many webhooks in flight at once."""

    messages: int
    conversations: int = 5
    in_flight: int = 32


class Talk:
    """One talk over the first Loopback account of a cluster."""

    def __init__(self, cluster: Cluster, size: Size) -> None:
        """Let every customer write a first word, and wait until the agents see it."""
        self._database = cluster.services.database
        self._size = size
        account = cluster.accounts[0]
        self._load = Load(cluster.page, conversations("c", account, size.conversations))
        self._load.open()
        self._customers = Customers(account, cluster.webs)
        self._repeated = 0
        self._seconds = 0.0

    def go(self) -> None:
        """Let everybody write at once; return when all has arrived, or nothing arrives any more.

        Raises:
            NotTaken: the relay did not take a customer's webhook.
            SceneError: the simulator refused an agent's answer.
        """
        began = time.monotonic()
        said = list(self._words(Side.CUSTOMER))
        with ThreadPoolExecutor(1) as agents:
            answers = agents.submit(self._load.write, [Line(0.0, one, str(one)) for one in self._words(Side.AGENT)])
            self._repeated = self._customers.say(said, in_flight=self._size.in_flight)
            answers.result()
        self._load.taken.update({one: service_id(one) for one in said})
        until(self._is_done, within=_PATIENCE, every=_LOOK)
        self._seconds = time.monotonic() - began

    def report(self, title: str, *more: Figure) -> Report:
        """Return what both sides and the relay hold."""
        found = ledger.take(self._load, self._database)
        breaches = [one for one in checks.find(found) if one.rule in _RULES]
        counted = checks.counted(breaches)
        figures = [
            count("messages each way", self._size.messages),
            *(count(rule, counted[rule], must_be=0) for rule in _RULES),
            count("dead letters after two crashes", len(checks.dead_letters(found)), must_be=0),
            count("overtaken on the way to the relay", checks.late(found)),
            count("customers' webhooks that had to come again", self._repeated),
            Figure("all arrived after", [self._seconds], "s"),
            *more,
        ]
        return Report(title, figures, [_sentence(one) for one in breaches[:_TOLD]])

    def _words(self, side: Side) -> Iterator[Words]:
        """Everybody's next word in turn."""
        names = [one.name for one in self._load.conversations]
        every = (Words(name, side, number) for number in itertools.count(1) for name in names)
        return itertools.islice(every, self._size.messages)

    def _is_done(self) -> bool:
        found = ledger.take(self._load, self._database)
        return not {one.rule for one in checks.find(found)} & {Rule.LOST, Rule.VERDICT}


def _sentence(breach: Breach) -> str:
    return f"{breach.subject}: {breach.told}"
