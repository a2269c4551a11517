"""People who write: customers at the simulated messengers and agents in HubSpot's inbox, numbered in each conversation.

The simulator takes them in batches, in which no conversation stands twice, so that each message of a conversation has a
time of its own (milliseconds).
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.bench import scene
from app.bench.scene import Connected, SceneError
from app.http import Http

#: Seconds between two batches of one side: two of one conversation never fall into one millisecond.
_PAUSE = 0.005
_LARGEST_BATCH = 100
#: The first words of all conversations are through within this time (seconds), or never.
_PATIENCE = 60.0
#: An order to the simulator may take so long (seconds) while it is busy.
_TIMEOUT = 30.0


class Side(StrEnum):
    """Who writes."""

    CUSTOMER = "customer"
    AGENT = "agent"


@dataclass(frozen=True)
class Words:
    """A message, known by its text on all sides: its conversation, who wrote it, and its number there from 1."""

    conversation: str
    side: Side
    number: int

    def __str__(self) -> str:
        return f"{self.conversation} {self.side} {self.number}"


def read(text: str) -> Words | None:
    """Return the words of a text, None where it is somebody else's."""
    conversation, _, rest = text.partition(" ")
    side, _, number = rest.partition(" ")
    if side not in set(Side) or not number.partition(" ")[0].isdecimal():
        return None
    return Words(conversation, Side(side), int(number.partition(" ")[0]))


@dataclass(frozen=True)
class Conversation:
    """One customer with an account. ``place`` is the service's id of the conversation; ``name`` is unique."""

    name: str
    account: Connected
    place: str

    def where(self) -> dict[str, object]:
        """Return how the simulator's messenger is told the place."""
        if self.account.connector == "telegram":
            return {"bot": self.account.name, "chat_id": int(self.place)}
        return {"account": self.account.name, "conversation": self.place, "name": self.name}


def conversations(prefix: str, account: Connected, count: int) -> list[Conversation]:
    """Return so many conversations of an account, named ``prefix-1`` and so on."""
    names = [f"{prefix}-{number}" for number in range(1, count + 1)]
    if account.connector == "telegram":
        return [Conversation(name, account, str(10_000 + number)) for number, name in enumerate(names)]
    return [Conversation(name, account, name) for name in names]


@dataclass(frozen=True)
class Line:
    """A message that somebody is to write. ``at``: seconds after the start."""

    at: float
    words: Words
    text: str


class Pace:
    """The time of a plan, seconds since its start. It stands still while there is no room for more. Thread-safe."""

    def __init__(self) -> None:
        """Start now."""
        self._changed = threading.Condition()
        self._before = 0.0
        self._runs_since: float | None = time.monotonic()
        self._is_over = False

    @property
    def now(self) -> float:
        """What its clock shows."""
        with self._changed:
            return self._now()

    @property
    def is_over(self) -> bool:
        """Whether nobody writes any more."""
        return self._is_over

    def let(self, *, on: bool) -> None:
        """Let it go on, or stand still."""
        with self._changed:
            self._before = self._now()
            self._runs_since = time.monotonic() if on else None
            self._changed.notify_all()

    def end(self) -> None:
        """Let nobody write any more. The clock runs on for whoever else goes by it."""
        self._is_over = True
        self.let(on=True)

    def wait_until(self, at: float) -> bool:
        """Wait until its clock shows so many seconds. False: it is over."""
        with self._changed:
            while not self._is_over and (left := at - self._now()) > 0:
                self._changed.wait(left if self._runs_since is not None else None)
            return not self._is_over

    def _now(self) -> float:
        return self._before + (0.0 if self._runs_since is None else time.monotonic() - self._runs_since)


#: By the address that takes them: what is posted there, and the lines that it says.
_Orders = dict[str, tuple[list[Any], list[Line]]]


@dataclass
class Load:
    """Writes into the conversations of a simulator. ``taken``: its id of each message that it took."""

    page: str
    conversations: Sequence[Conversation]
    threads: dict[str, str] = field(default_factory=dict)
    taken: dict[Words, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know conversations by name."""
        self._by_name = {one.name: one for one in self.conversations}

    def open(self) -> None:
        """Let every customer write a first word (number 0), and wait until agents see all of them.

        Raises:
            SceneError: they did not within a minute.
        """
        with closing(Http(call_timeout=_TIMEOUT)) as http:
            for one in self.conversations:
                if one.account.connector == "telegram":
                    person = {"id": int(one.place), "first_name": one.name}
                    scene.ask(http, "POST", f"{self.page}/_sim/telegram/chats", {**one.where(), "user": person})
            greetings = [Words(one.name, Side.CUSTOMER, 0) for one in self.conversations]
            self._write(http, Side.CUSTOMER, [Line(0.0, words, f"{words} hello") for words in greetings])
            deadline = time.monotonic() + _PATIENCE
            while not self._sees_all(http):
                if time.monotonic() > deadline:
                    raise SceneError(f"{len(self._missing())} first words did not arrive.")
                time.sleep(0.1)

    def write(self, lines: Iterable[Line], *, pace: Pace | None = None) -> None:
        """Write every line at its time, both sides at once; return when all are written, or the pace is over.

        Raises:
            SceneError: the simulator refused a line.
        """
        pace = pace or Pace()
        every = sorted(lines, key=lambda line: line.at)
        sides = [[line for line in every if line.words.side is side] for side in Side]
        with ThreadPoolExecutor(len(Side), "load") as pool:
            for done in [pool.submit(self._write_in_time, mine, pace) for mine in sides if mine]:
                done.result()

    def _write_in_time(self, lines: list[Line], pace: Pace) -> None:
        waiting = list(lines)
        with closing(Http(call_timeout=_TIMEOUT)) as http:
            while waiting and pace.wait_until(max(waiting[0].at, pace.now + _PAUSE)):
                batch, waiting = _batch(waiting, pace.now)
                if batch:
                    self._write(http, batch[0].words.side, batch)

    def _write(self, http: Http, side: Side, lines: Sequence[Line]) -> None:
        orders = self._say(lines) if side is Side.CUSTOMER else self._reply(lines)
        for path, (bodies, mine) in orders.items():
            answers = scene.ask(http, "POST", f"{self.page}/_sim/{path}", bodies)
            for line, answer in zip(mine, answers, strict=True):
                self.taken[line.words] = str(answer["id"])

    def _say(self, lines: Sequence[Line]) -> _Orders:
        """Return what customers write, by the address that takes it."""
        orders: _Orders = {}
        for line in lines:
            one = self._by_name[line.words.conversation]
            bodies, mine = orders.setdefault(f"{one.account.connector}/say-all", ([], []))
            bodies.append({**one.where(), "text": line.text})
            mine.append(line)
        return orders

    def _reply(self, lines: Sequence[Line]) -> _Orders:
        bodies = [{"thread": self.threads[line.words.conversation], "text": line.text} for line in lines]
        return {"replies": (bodies, list(lines))} if lines else {}

    def _sees_all(self, http: Http) -> bool:
        found = scene.ask(http, "GET", f"{self.page}/_sim/threads")
        self.threads = {one["contactName"]: one["id"] for one in found}
        return not self._missing()

    def _missing(self) -> list[str]:
        return [one.name for one in self.conversations if one.name not in self.threads]


def _batch(waiting: list[Line], now: float) -> tuple[list[Line], list[Line]]:
    """Return the lines whose time has come, each conversation once, and those that wait on, in order."""
    batch: dict[str, Line] = {}
    again: list[Line] = []
    due = list(itertools.takewhile(lambda line: line.at <= now, waiting))
    for line in due:
        if line.words.conversation in batch or len(batch) == _LARGEST_BATCH:
            again.append(line)
        else:
            batch[line.words.conversation] = line
    return list(batch.values()), again + waiting[len(due) :]
