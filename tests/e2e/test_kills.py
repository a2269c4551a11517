"""kill -9 of the worker while a call is in flight, and of the broker: everything arrives, in order, once."""

from __future__ import annotations

from functools import partial

import pytest

from tests.e2e.processes import Combination, People, eventually, running_demo

CUSTOMERS = ("dana", "kim", "lee")
MESSAGES = 12


@pytest.mark.timeout(120)
def test_kills_lose_nothing_double_nothing_and_keep_the_order(
    monkeypatch: pytest.MonkeyPatch, combination: Combination
) -> None:
    times = {"lease": "4", "call_timeout": "2", "deadline": "120"}
    with running_demo(monkeypatch, **combination.settings, **times) as people:
        _first_words(people)
        people.fault("loopback", {"kind": "slow", "seconds": 1.0}, method="POST", path=".*messages")
        people.fault("hubspot", {"kind": "slow", "seconds": 0.3}, method="POST", path=".*messages")
        for number in range(MESSAGES):
            for customer, thread in people.threads().items():
                people.say(f"in {number}", customer)
                people.reply(thread, f"out {number}")
            people.wait_for_webhooks()
            if number == 3:
                people.kill("worker 1")
            if number == 7:
                _kill_broker(people, combination)
        if combination.broker:
            combination.broker.start()
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


def _kill_broker(people: People, combination: Combination) -> None:
    if combination.broker:
        combination.broker.kill()
    else:
        people.kill_embedded_broker()


def _has_all(people: People, customer: str) -> bool:
    return len(people.customer_sees(customer)) >= MESSAGES


def _all_told(people: People) -> bool:
    return all(one["statusPatches"] and one["statusType"] == "SENT" for one in people.inbox("OUTGOING"))
