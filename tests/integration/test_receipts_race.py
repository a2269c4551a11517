"""Receipts that arrive at the very moment of the send's answer: each side looks for the other after its own commit."""

from __future__ import annotations

import queue
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.relay.drain import drain
from app.storage.tables import lanes, messages, receipts, sent_ids
from tests.integration.bridge import Bridge, OtherSide, bridge, receipt

MESSAGES = 300
THREADS = 8
#: Both sides of the race commit within milliseconds of the answer.
JITTER = 0.004


class Reporter:
    """Reports each message as read from threads of its own, around the moment in which its send is answered."""

    def __init__(self) -> None:
        self.ids: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._random = random.Random(7)

    def sent(self, message: str) -> None:
        """Let the report race the answer: sometimes one has a start, sometimes the other."""
        self.ids.put(message)
        threading.Event().wait(self._random.uniform(0, JITTER))

    def report(self, relay: Bridge) -> int:
        """Report until there is nothing more. Returns how many."""
        count = 0
        for message in iter(self.ids.get, None):
            threading.Event().wait(self._random.uniform(0, JITTER))
            relay.from_loopback(receipt(message))
            count += 1
        return count


@pytest.mark.slow
@pytest.mark.parametrize(
    "migrated_database_url",
    [pytest.param("sqlite", marks=pytest.mark.long), pytest.param("postgresql", marks=pytest.mark.postgresql)],
    indirect=True,
)
def test_every_receipt_that_races_its_send_is_matched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_database_url: str
) -> None:
    reporter = Reporter()
    with (
        OtherSide(sent=reporter.sent) as side,
        bridge(tmp_path, monkeypatch, migrated_database_url, side) as relay,
        ThreadPoolExecutor(2 * THREADS) as pool,
    ):
        relay.from_hubspot(*(relay.answered(f"c{number}") for number in range(MESSAGES)))
        reports = [pool.submit(reporter.report, relay) for _ in range(THREADS)]
        steps = list(pool.map(lambda lane: drain(relay.services, lane), outbound_lanes(relay)))
        for _ in reports:
            reporter.ids.put(None)
        assert sum(one.result() for one in reports) == MESSAGES
        assert len(steps) == MESSAGES
        assert facts(relay) == {"sent": MESSAGES, "receipts": MESSAGES, "matched": MESSAGES, "read": MESSAGES}


def outbound_lanes(relay: Bridge) -> list[int]:
    with relay.services.database.read() as connection:
        return list(connection.execute(select(lanes.c.id).where(lanes.c.kind == "outbound")).scalars())


def facts(relay: Bridge) -> dict[str, int]:
    """What both sides recorded; the scheduler's sweep for orphans did not run."""
    counts = {
        "sent": select(func.count()).select_from(sent_ids),
        "receipts": select(func.count()).select_from(receipts),
        "matched": select(func.count(receipts.c.message_id)),
        "read": select(func.count()).where(messages.c.status == "read"),
    }
    with relay.services.database.read() as connection:
        return {name: connection.execute(query).scalar_one() for name, query in counts.items()}
