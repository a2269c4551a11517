"""kill -9 of the worker while a call is in flight, and of the broker: everything arrives, in order, once."""

from __future__ import annotations

from functools import partial

import pytest

from tests.e2e.processes import People, eventually, running_demo
from tests.servers.redis_server import RedisServer

CUSTOMERS = ("dana", "kim", "lee")
MESSAGES = 12


def test_kills_lose_nothing_double_nothing_and_keep_the_order(
    monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer, migrated_database_url: str
) -> None:
    settings = {"lease": "4", "call_timeout": "2", "deadline": "120", "database_url": migrated_database_url}
    with running_demo(monkeypatch, broker_url=redis_server.url, **settings) as people:
        _first_words(people)
        people.fault("loopback", {"kind": "slow", "seconds": 1.0}, method="POST", path=".*messages")
        people.fault("hubspot", {"kind": "slow", "seconds": 0.3}, method="POST", path=".*messages")
        for number in range(MESSAGES):
            for customer, thread in people.threads().items():
                people.say(f"in {number}", customer)
                people.reply(thread, f"out {number}")
            if number == 3:
                people.kill("worker 1")
            if number == 7:
                redis_server.kill()
        redis_server.start()
        people.call("DELETE", "/_sim/faults")
        expected = [f"in {number}" for number in range(MESSAGES)]
        eventually(lambda: len(people.inbox()) >= (MESSAGES + 1) * len(CUSTOMERS), within=60, what="the inbox")
        for customer, thread in people.threads().items():
            assert people.arrived_in(thread) == ["hello", *expected]
            answers = [f"out {number}" for number in range(MESSAGES)]
            eventually(partial(_has_all, people, customer), within=60, what="the answers")
            assert people.customer_sees(customer) == answers
        eventually(lambda: _all_told(people), within=30, what="every status")


def _first_words(people: People) -> None:
    for customer in CUSTOMERS:
        people.say("hello", customer)
    eventually(lambda: len(people.threads()) == len(CUSTOMERS), what="the first words")


def _has_all(people: People, customer: str) -> bool:
    return len(people.customer_sees(customer)) >= MESSAGES


def _all_told(people: People) -> bool:
    return all(one["statusPatches"] and one["statusType"] == "SENT" for one in people.inbox("OUTGOING"))
