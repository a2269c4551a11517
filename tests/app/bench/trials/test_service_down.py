from __future__ import annotations

import pytest

from app.bench.chaos.ledger import Ledger, Told
from app.bench.load import Side, Words
from app.bench.trials.service_down import arrived, told

WORDS = Words("c-1", Side.AGENT, 1)
FROM_CUSTOMER = Words("c-1", Side.CUSTOMER, 1)


def ledger(one: Told) -> Ledger:
    there = {("c-1", Side.AGENT): [WORDS, WORDS], ("c-1", Side.CUSTOMER): [FROM_CUSTOMER]}
    return Ledger(frozenset({WORDS}), there, {}, {WORDS: one}, [], frozenset(), {})


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (Told("FAILED", ["FAILED"], "The shop is closed."), True),
        (Told("FAILED", ["FAILED"], ""), False),
        (Told("FAILED", ["FAILED", "FAILED"], "The shop is closed."), False),
        (Told("SENT", ["SENT"], ""), False),
        (Told("FAILED", ["SENT", "FAILED"], "The shop is closed."), False),
        (Told("SENT", [], ""), False),
    ],
)
def test_a_failure_is_told_once_and_why(one: Told, *, counts: bool) -> None:
    assert told(ledger(one)) == ({WORDS} if counts else set())


def test_only_what_agents_wrote_has_arrived_at_customers() -> None:
    assert arrived(ledger(Told("SENT", [], ""))) == {WORDS}
