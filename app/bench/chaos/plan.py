"""What happens in one run, from its seed alone: who writes what when, which faults the other side has, what is killed.

The same seed, size and kinds of servers give the same plan; ``--plan`` prints it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from app.bench.cluster import BrokerKind, DatabaseKind, Shape
from app.bench.load import Line, Side, Words

#: The relay that is struck.
SHAPE: Final = Shape(webs=2, workers=3, media=1, schedulers=2)
#: A short lease (seconds), so that what a killed worker had in hand is soon taken up; calls are bounded to fit into it.
LEASE: Final = 4.0
CALL_TIMEOUT: Final = 2.0

HOT_LANES, COLD_LANES = 5, 200
#: Every so many cold lanes one is on Telegram, which knows no idempotency key.
_TELEGRAM_EVERY = 5
#: So large a share of all messages is of the hot lanes.
_HOT_SHARE = 0.5
_WORDS = ("apple", "birch", "cloud", "delta", "ember", "fjord", "grove", "heron", "inlet", "jolly", "kayak", "lemon")


class Kind(StrEnum):
    """What may happen to a process or a server. It lasts for the blow's ``seconds`` where it lasts."""

    KILL = "kill -9"
    KILL_ALL = "kill -9 of all roles at once"
    FREEZE = "SIGSTOP, then SIGCONT"
    KILL_BROKER = "kill -9 of the broker"
    RESTART_BROKER = "restart of the broker"
    WIPE = "FLUSHALL"
    KILL_LIMITER = "kill -9 of the limiter's Redis"
    KILL_DATABASE = "kill -9 of the database"
    RESTART_DATABASE = "restart of the database"


@dataclass(frozen=True)
class Blow:
    """One of them. ``at``: seconds after the start; ``role``: whom it hits, where it hits a role."""

    at: float
    kind: Kind
    role: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        lasts = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6.1f} s  {self.kind}{f' of {self.role}' if self.role else ''}{lasts}"


@dataclass(frozen=True)
class Size:
    """``messages`` each way, within so many ``seconds``, during which the blows fall as well."""

    seconds: float = 60.0
    messages: int = 2500
    hot: int = HOT_LANES
    cold: int = COLD_LANES

    @property
    def telegram(self) -> int:
        """How many of the cold lanes are on Telegram."""
        return self.cold // _TELEGRAM_EVERY


@dataclass(frozen=True)
class Plan:
    """One run. ``weather``: the simulator's fault rules; ``lines``: what is written, by time."""

    seed: int
    size: Size
    blows: Sequence[Blow]
    weather: Sequence[Mapping[str, Any]]
    lines: Sequence[Line]

    def as_text(self) -> str:
        """The plan for people who want to repeat it."""
        rules = [json.dumps(one, sort_keys=True) for one in self.weather]
        lines = [f"{line.at:6.2f} s  {line.text}" for line in self.lines]
        return "\n".join([f"seed {self.seed}, {asdict(self.size)}", *map(str, self.blows), *rules, *lines])


def make(seed: int, size: Size, *, database: str, broker: str) -> Plan:
    """Draw a plan."""
    drawn = random.Random(f"relay chaos {seed}")
    blows = sorted(_blows(drawn, size, DatabaseKind(database), BrokerKind(broker)), key=lambda blow: blow.at)
    lines = sorted(_lines(drawn, size), key=lambda line: line.at)
    return Plan(seed, size, blows, _weather(drawn), lines)


def lanes(size: Size) -> tuple[list[str], list[str], list[str]]:
    """Return the names of hot, cold and Telegram's conversations."""
    counts = {"hot": size.hot, "cold": size.cold - size.telegram, "telegram": size.telegram}
    hot, cold, telegram = ([f"{name}-{number}" for number in range(1, count + 1)] for name, count in counts.items())
    return hot, cold, telegram


def _blows(drawn: random.Random, size: Size, database: DatabaseKind, broker: BrokerKind) -> Iterator[Blow]:
    """Each kind of role, server and trouble at least once, at any time after the load has begun."""

    def at() -> float:
        return round(drawn.uniform(0.05, 0.95) * size.seconds, 2)

    def outage() -> float:
        return round(drawn.uniform(0.5, 3.0), 1)

    roles = [*(f"web {number}" for number in range(1, SHAPE.webs + 1)), *SHAPE.names]
    for kind in ("web", "worker", "worker", "media", "scheduler"):
        yield Blow(at(), Kind.KILL, drawn.choice([one for one in roles if one.startswith(kind)]))
    yield Blow(at(), Kind.KILL_ALL)
    for worker in drawn.sample([one for one in roles if one.startswith("worker")], 2):
        yield Blow(at(), Kind.FREEZE, worker, round(LEASE + drawn.uniform(0.5, 3.0), 1))
    yield Blow(at(), Kind.KILL_BROKER, seconds=outage())
    yield Blow(at(), Kind.WIPE)
    if broker is not BrokerKind.EMBEDDED:
        yield Blow(at(), Kind.RESTART_BROKER)
    if broker is BrokerKind.RABBITMQ:
        yield Blow(at(), Kind.KILL_LIMITER, seconds=outage())
    if database is DatabaseKind.POSTGRESQL:
        yield Blow(at(), Kind.RESTART_DATABASE)
        yield Blow(at(), Kind.KILL_DATABASE, seconds=outage())


def _weather(drawn: random.Random) -> list[dict[str, Any]]:
    """Every kind of trouble that an API has, at every API, and webhooks that come twice, late and out of order."""
    calls = [
        (0.3, {"kind": "slow", "seconds": 0.6, "spread": 0.6}),
        (0.2, {"kind": "slow", "seconds": CALL_TIMEOUT + 0.5}),  # it acts when nobody listens any more
        (1.5, {"kind": "status", "status": 503}),
        (0.3, {"kind": "status", "status": 429, "retry_after": 1}),
        (0.5, {"kind": "html", "status": 502}),
        (0.5, {"kind": "reset_before"}),
        (1.0, {"kind": "reset_after"}),
        (0.2, {"kind": "drip", "seconds": 0.05}),
        (0.2, {"kind": "truncated"}),
        (0.2, {"kind": "empty"}),
    ]
    rules: list[dict[str, Any]] = []
    for api, path in (("hubspot", "/messages"), ("loopback", "/v1/messages"), ("telegram", "/sendMessage")):
        jitter = {"kind": "slow", "seconds": 0, "spread": 0.05}
        rules.append({"api": api, "path": path, "fault": jitter})
        for percent, fault in calls:
            probability = round(percent / 100 * drawn.uniform(0.5, 1.5), 5)
            rules.append({"api": api, "path": path, "probability": probability, "fault": fault})
        for kind in ("duplicate", "reorder", "delay"):
            fault = {"kind": kind, "seconds": 0.3}
            rules.append({"api": api, "probability": round(drawn.uniform(0.02, 0.08), 5), "fault": fault})
    return rules


def _lines(drawn: random.Random, size: Size) -> Iterator[Line]:
    """Both sides' messages: half of them in the hot lanes, the rest evenly in the cold ones, at random times."""
    hot, cold, telegram = lanes(size)
    in_hot = round(size.messages * _HOT_SHARE)
    for side in Side:
        count = {one: in_hot // len(hot) for one in hot}
        rest = size.messages - sum(count.values())
        others = cold + telegram
        for number in range(rest):
            name = others[number % len(others)]
            count[name] = count.get(name, 0) + 1
        for name, messages in count.items():
            times = sorted(drawn.uniform(0, size.seconds) for _ in range(messages))
            for number, at in enumerate(times, start=1):
                words = Words(name, side, number)
                yield Line(round(at, 3), words, f"{words} {' '.join(drawn.choices(_WORDS, k=3))}")
