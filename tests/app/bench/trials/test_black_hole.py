from __future__ import annotations

from app.bench.chaos.ledger import Ledger, Row, Told
from app.bench.load import Side, Words
from app.bench.trials.black_hole import repetitions

WORDS = Words("c-1", Side.AGENT, 1)
ROW = Row(7, "failed", "deadline", accepted=1.0, begun=2.0, late=False, crashes=0, unknown=0, order=1)


def ledger(*patches: str) -> Ledger:
    return Ledger(frozenset({WORDS}), {}, {WORDS: ROW}, {WORDS: Told("FAILED", patches, "why")}, [], frozenset(), {})


def test_what_hubspot_answered_is_told_once() -> None:
    assert repetitions(ledger(), {}) == 0
    assert repetitions(ledger("FAILED"), {}) == 0
    assert repetitions(ledger("FAILED", "FAILED"), {}) == 1
    assert repetitions(ledger("FAILED", "FAILED"), {8: 1}) == 1


def test_what_hubspot_did_not_answer_may_be_told_again() -> None:
    assert repetitions(ledger("FAILED", "FAILED"), {7: 1}) == 0
    assert repetitions(ledger("FAILED", "FAILED", "FAILED"), {7: 1}) == 1
