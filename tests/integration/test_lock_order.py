"""One lock order everywhere: envelope, threads, lanes ascending in one statement, messages, parts.

Envelopes with many lanes in any order, while others drain, expire, match receipts and replay what failed.
"""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, func, select, text

from app.errors import ConfigurationError
from app.relay import replay, schedule
from app.relay.drain import drain
from app.storage.clock import now
from app.storage.database import Database
from app.storage.tables import attempts, dead_letters, lanes, messages, receipts
from tests.app.relay.world import eventually
from tests.integration.bridge import Bridge, OtherSide, bridge, receipt

THREADS = LANES = 8
CONVERSATIONS = 12
#: Envelopes of each side that each thread delivers.
ROUNDS = 20
#: So many of a hundred calls are refused for good, so that there are dead letters to replay.
REFUSED = 15


class Refusals:
    """What the database refused: a deadlock stays unseen where its victim is tried again."""

    def __init__(self, database: Database) -> None:
        self.codes: list[str] = []
        event.listen(database.engine, "handle_error", self._note)

    def _note(self, context: Any) -> None:
        error = context.original_exception
        self.codes.append(error.sqlstate or type(error).__name__ if isinstance(error, psycopg.Error) else str(error))


class Mess:
    """Everything that touches lanes and messages, at once."""

    def __init__(self, relay: Bridge, sent: queue.SimpleQueue[str]) -> None:
        self.relay = relay
        self.sent = sent
        self.done = threading.Event()
        self.replayed = 0

    def customers(self, seed: int) -> None:
        """Deliver envelopes of customers' messages and of receipts, each with its lanes in another order."""
        chance = random.Random(seed)
        for _ in range(ROUNDS):
            events = [self.relay.said(f"c{one}") for one in chance.sample(range(CONVERSATIONS), LANES)]
            self.relay.from_loopback(*events, *self._receipts(chance))
            for conversation in chance.sample(range(CONVERSATIONS), 2):
                self.relay.from_hubspot(self.relay.answered(f"c{conversation}"))

    def agents(self, seed: int) -> None:
        """Deliver envelopes of agents' messages to conversations nobody knows yet, in another order each."""
        chance = random.Random(seed)
        for number in range(ROUNDS):
            new = [f"r{number} c{one}" for one in range(LANES)]
            self.relay.from_hubspot(*(self.relay.answered(one) for one in chance.sample(new, LANES)))

    def _receipts(self, chance: random.Random) -> list[dict[str, Any]]:
        ids = [self.sent.get_nowait() for _ in range(min(self.sent.qsize() // 2, LANES))]
        return [receipt(one, status) for one in chance.sample(ids, len(ids)) for status in ("delivered", "read")]

    def drain(self) -> None:
        """Work on due lanes like a worker."""
        with self.relay.services.database.read() as connection:
            due = list(connection.execute(select(lanes.c.id).where(lanes.c.due <= now())).scalars())
        for lane in random.sample(due, len(due)):
            drain(self.relay.services, lane)

    def look(self) -> None:
        """Look like a scheduler: rings, deadlines, orphans."""
        schedule.look(self.relay.services)

    def replay(self) -> None:
        """Send what failed once more."""
        with self.relay.services.database.read() as connection:
            query = select(dead_letters.c.message_id).where(dead_letters.c.replayed_at.is_(None)).limit(10)
            failed = list(connection.execute(query).scalars())
        for message in random.sample(failed, len(failed)):
            try:
                replay.replay(self.relay.services, message)
            except ConfigurationError:  # another thread was faster
                continue
            self.replayed += 1

    def takes_part(self) -> dict[str, int]:
        """How often each of them did something."""
        return {
            "drain": count(self.relay, select(func.count()).select_from(attempts)),
            "expire": count(self.relay, select(func.count()).where(messages.c.reason == "deadline")),
            "receipts": count(self.relay, select(func.count(receipts.c.message_id))),
            "replay": self.replayed,
        }

    def has_all(self) -> bool:
        """Whether everybody had a part. Receipts need messages that were sent: on a slow machine they come late."""
        if late := self._receipts(random.Random(1)):
            self.relay.from_loopback(*late)
        return all(self.takes_part().values())

    def until_done(self, work: Callable[[], None]) -> None:
        while not self.done.is_set():
            work()
            self.done.wait(0.002)


@contextmanager
def mess(folder: Path, environment: pytest.MonkeyPatch, url: str) -> Iterator[Mess]:
    sent: queue.SimpleQueue[str] = queue.SimpleQueue()
    chance = random.Random(3)

    def refuse(path: str, body: Any) -> int | None:
        if path.startswith("/loopback") and body["conversation"] == "c0":
            return 503  # until the deadline
        return 400 if "messages" in path and chance.randrange(100) < REFUSED else None

    with (
        OtherSide(sent=sent.put, refuse=refuse) as side,
        bridge(folder, environment, url, side, deadline=4.0, call_timeout=1.0, slice_messages=5) as relay,
    ):
        yield Mess(relay, sent)


def run(one: Mess) -> None:
    """Let everybody work until the customers are done and each had its part; what anybody raises is raised here."""
    others = [one.drain, one.drain, one.drain, one.look, one.look, one.replay]
    with ThreadPoolExecutor(THREADS + len(others)) as pool:
        working = [pool.submit(one.until_done, each) for each in others]
        try:
            list(pool.map(one.customers, range(THREADS)))
            eventually(one.has_all, within=60)
        finally:
            one.done.set()
        for each in working:
            each.result()


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_nobody_deadlocks_whatever_comes_in_whatever_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_postgresql_url: str
) -> None:
    with mess(tmp_path, monkeypatch, migrated_postgresql_url) as one:
        refusals = Refusals(one.relay.services.database)
        run(one)
        assert refusals.codes == []
        accepted = select(func.count()).where(messages.c.envelope_id.is_not(None))
        assert count(one.relay, accepted) == THREADS * ROUNDS * (LANES + 2)


def test_agents_messages_in_one_request_deadlock_in_no_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_postgresql_url: str
) -> None:
    with mess(tmp_path, monkeypatch, migrated_postgresql_url) as one, ThreadPoolExecutor(THREADS) as pool:
        refusals = Refusals(one.relay.services.database)
        list(pool.map(one.agents, range(THREADS)))
        assert refusals.codes == []


def count(relay: Bridge, query: Any) -> int:
    with relay.services.database.read() as connection:
        return int(connection.execute(query).scalar_one())


def test_a_deadlock_would_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_postgresql_url: str
) -> None:
    with mess(tmp_path, monkeypatch, migrated_postgresql_url) as one:
        one.relay.from_loopback(one.relay.said("c1"), one.relay.said("c2"))
        database = one.relay.services.database
        refusals, barrier = Refusals(database), threading.Barrier(2)

        def lock(*ids: int) -> None:
            with database.write() as connection:
                for lane in ids:
                    connection.execute(text("SELECT 1 FROM lanes WHERE id = :id FOR UPDATE"), {"id": lane})
                    if lane == ids[0]:
                        barrier.wait(timeout=10)

        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(lock, 1, 2), pool.submit(lock, 2, 1)]
        assert sum(one.exception() is not None for one in both) == 1
        assert refusals.codes == ["40P01"]
