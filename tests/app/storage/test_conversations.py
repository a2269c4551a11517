from __future__ import annotations

from dataclasses import replace

from app.domain.conversation import Fact
from app.storage import conversations, threads
from app.storage.conversations import State
from tests.app.storage.rows import PORTAL, Rows

CLOSED = State(PORTAL, "77", Fact.STATUS, "closed", 100.0)


def named(rows: Rows, hubspot: str, conversation: str = "c1") -> str:
    """A thread that HubSpot knows by this id."""
    thread = rows.write(threads.open_threads, rows.account, {conversation: None})[conversation]
    rows.write(threads.learn, thread, ours=(), hubspot=hubspot)
    return thread.id


def test_only_what_is_newer_is_news(rows: Rows) -> None:
    assert rows.write(conversations.remember, CLOSED)
    assert not rows.write(conversations.remember, CLOSED)
    assert not rows.write(conversations.remember, replace(CLOSED, value="open", occurred_at=99.0))
    assert rows.write(conversations.remember, replace(CLOSED, value="open", occurred_at=101.0))
    assert rows.write(conversations.remember, replace(CLOSED, name=Fact.ASSIGNED, value="A-1", occurred_at=1.0))
    found = rows.read(conversations.of_thread, named(rows, "77"))
    assert [(one.name, one.value) for one in found] == [(Fact.ASSIGNED, "A-1"), (Fact.STATUS, "open")]


def test_merged_threads_and_former_ids_lead_to_every_thread(rows: Rows) -> None:
    first, second = named(rows, "77"), named(rows, "78", "c2")
    named(rows, "78")
    assert rows.read(conversations.threads_of, PORTAL, "78") == sorted((first, second))
    assert rows.read(conversations.threads_of, PORTAL, "77") == [first]
    assert rows.read(conversations.threads_of, PORTAL + 1, "78") == []
