"""A relay by a faster clock, whose other sides go away for minutes and come back, while people go on writing."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import func, select

from app.bench import cluster, fast_clock, scene
from app.bench.chaos import checks, ledger
from app.bench.chaos.checks import Breach, Rule
from app.bench.chaos.ledger import Ledger
from app.bench.cluster import Cluster, Shape
from app.bench.gate import Gate
from app.bench.load import Line, Load, Side, Words, conversations
from app.bench.report import Figure, count
from app.bench.servers.postgres_server import PostgresServer
from app.bench.servers.process import free_port
from app.bench.trials import stage, weather
from app.bench.trials.trial import Options
from app.bench.trials.watch import until, workers_up
from app.domain.message import Kind
from app.http import Http
from app.storage.tables import attempts, breakers, messages

#: The relay's clock runs so many times as fast where a trial does not say otherwise: half an hour is a minute.
FACTOR: Final = 30.0
#: Everything has to be over within this time (real seconds) after the other side is back.
PATIENCE: Final = 120.0
#: What is measured in real time has to be short beside what is not: a call ends before its lane's lease does.
_SETTINGS: Final[Mapping[str, str]] = {
    "call_timeout": "1",
    "hubspot_rate": str(weather.UNLIMITED),
    "log_level": "ERROR",
}
_SHAPE: Final = Shape(workers=2, media=0, schedulers=1, threads=16)
_CONNECTIONS = 200
_LOOK = 0.1
#: Of so many breaches the table tells what they were.
_TOLD = 5
#: What must not be, whatever goes away.
_NEVER: Final[Sequence[Rule]] = (
    *(Rule.LOST, Rule.ORDER, Rule.TWICE_IN_HUBSPOT, Rule.TWICE_WITH_KEY, Rule.VERDICT, Rule.SPLIT, Rule.STRANGE),
)


@dataclass(frozen=True)
class Gates:
    """The ways to the other sides."""

    hubspot: Gate
    service: Gate


@dataclass
class Outage:
    """A relay, its people, and the ways to the other sides. Seconds are real where nothing else is said."""

    cluster: Cluster
    gates: Gates
    http: Http
    load: Load
    #: When breakers were seen open (seconds since some moment).
    opened: list[float] = field(default_factory=list)

    def fault(self, api: str, path: str, *rules: Mapping[str, Any], containing: str = "") -> None:
        """Let the calls to an API go wrong until ``mend``."""
        for one in rules:
            rule = {"api": api, "path": path, "containing": containing, "fault": one}
            scene.ask(self.http, "POST", f"{self.cluster.page}/_sim/faults", rule)

    def mend(self) -> None:
        """Let all calls go well again."""
        scene.ask(self.http, "DELETE", f"{self.cluster.page}/_sim/faults")
        self.gates.hubspot.open()
        self.gates.service.open()

    def write(self, side: Side, *, rounds: int, seconds: float, first: int = 1) -> None:
        """Let everybody write so many messages, spread over so many seconds."""
        names = [one.name for one in self.load.conversations]
        self.load.write(spread(names, side, rounds=rounds, seconds=seconds, first=first))

    def pause(self, seconds: float) -> None:
        """Let so much time pass."""
        until(lambda: False, within=seconds)

    def settle(self, *, within: float = PATIENCE) -> float:
        """Wait until every message has ended and HubSpot knows of it. Returns after how many seconds; infinite: never.

        Looks at both sides only when the relay is done: looking at all of it takes a while.
        """
        began = time.monotonic()
        done = until(lambda: self._pending() == 0, within=within, every=_LOOK)
        after = time.monotonic() - began
        done = done and until(lambda: not self._broken() & {Rule.LOST, Rule.VERDICT}, within=within, every=1.0)
        return after if done else float("inf")

    def ledger(self) -> Ledger:
        """Read both sides and the relay."""
        return ledger.take(self.load, self.cluster.services.database)

    def most_attempts(self) -> int:
        """The most attempts that any message of people was charged; an account's event is several calls by itself."""
        theirs = messages.c.kind == Kind.MESSAGE.value
        return self.number(select(func.coalesce(func.max(messages.c.attempts), 0)).where(theirs))

    def calls(self, *purposes: str) -> int:
        """How many calls there were for such purposes."""
        return self.number(select(func.count()).where(attempts.c.purpose.in_(purposes)))

    @contextmanager
    def watching_breakers(self) -> Iterator[None]:
        """Look for open breakers until the end of the block."""
        stop = threading.Event()
        query = select(func.count()).where(breakers.c.opened_at.is_not(None))

        def look() -> None:
            while not stop.wait(_LOOK):
                if self.number(query):
                    self.opened.append(time.monotonic())

        thread = threading.Thread(target=look, name="breakers")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _pending(self) -> int:
        pending = self.number(select(func.count()).where(messages.c.status == "pending", messages.c.kind != "control"))
        known = self.number(select(func.count()).where(messages.c.kind != "control"))
        return pending + max(0, len(self.load.taken) - known)

    def _broken(self) -> set[Rule]:
        return {one.rule for one in checks.find(self.ledger())}

    def number(self, query: Any) -> int:
        """Return the one number of a query of the relay's database."""
        with self.cluster.services.database.read() as connection:
            return int(connection.execute(query).scalar_one())


def spread(names: Sequence[str], side: Side, *, rounds: int, seconds: float, first: int = 1) -> list[Line]:
    """Return the lines of everybody who writes ``rounds`` messages in so many seconds, numbered from ``first``."""
    step = seconds / max(rounds * len(names), 1)
    every = [Words(name, side, number) for number in range(first, first + rounds) for name in names]
    return [Line(at * step, words, str(words)) for at, words in enumerate(every)]


def counts(found: Ledger) -> tuple[list[Figure], list[str]]:
    """Return a figure for everything that must never be, and sentences on the first cases."""
    breaches = [one for one in checks.find(found) if one.rule in _NEVER]
    counted = checks.counted(breaches)
    return [count(rule, counted[rule], must_be=0) for rule in _NEVER], sentences(breaches)


def sentences(breaches: Iterable[Breach]) -> list[str]:
    """Say what the first breaches were."""
    return [f"{one.subject}: {one.told}" for one in list(breaches)[:_TOLD]]


@contextmanager
def outage(
    options: Options, lanes: int, settings: Mapping[str, str] | None = None, *, factor: float = FACTOR
) -> Iterator[Outage]:
    """Run a relay by a faster clock, with customers in so many lanes whose first words have arrived.

    The database is a PostgreSQL whatever the options say: a SQLite asks this machine for the time.
    """
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer(max_connections=_CONNECTIONS))
        url = fast_clock.speed_up(server.database_url(server.create_database()), factor)
        port = free_port()
        gates = Gates(stack.enter_context(Gate(port)), stack.enter_context(Gate(port)))
        client = {name: secrets.token_hex(16) for name in ("hubspot_client_id", "hubspot_client_secret")}
        stage.simulate(stack, port, client)
        places = {"hubspot_api_url": gates.hubspot.url, "loopback_api_url": f"{gates.service.url}/loopback"}
        running = cluster.running(
            _SHAPE,
            broker=options.broker,
            settings={**_SETTINGS, **client, **places, **(settings or {})},
            simulator=False,
            messengers=("loopback",),
            database_url=url,
        )
        found = replace(stack.enter_context(running), page=f"http://127.0.0.1:{port}")
        http = stack.enter_context(closing(Http(call_timeout=30.0)))
        stage.furnish(found, http)
        weather.no_limit(found, http)
        workers_up(found)
        load = Load(found.page, conversations("c", found.accounts[0], lanes))
        load.open()
        one = Outage(found, gates, http, load)
        one.settle()  # HubSpot shows a message a moment before the relay has recorded it
        yield one
