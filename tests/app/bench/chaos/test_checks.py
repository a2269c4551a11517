from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.bench.chaos import checks
from app.bench.chaos.checks import Rule
from app.bench.chaos.ledger import Freeze, Ledger, Row, Span, Told
from app.bench.chaos.plan import LEASE
from app.bench.load import Side, Words

FIRST, SECOND, THIRD = (Words("hot-1", Side.CUSTOMER, number) for number in (1, 2, 3))
ANSWER = Words("hot-1", Side.AGENT, 1)
UNKEYED = Words("telegram-1", Side.AGENT, 1)
SENT = Told("SENT", ["SENT"], "")


def row(at: float, *, begun: float | None = None, late: bool = False) -> Row:
    """Return a message that was accepted at a time and called a second later, or at ``begun``."""
    status, began = "sent", at + 1 if begun is None else begun
    return Row(1, status, "", at, began, late, crashes=0, unknown=0, order=int(at))


#: Everybody wrote, everything arrived, in order, and was told.
GOOD = Ledger(
    written=frozenset({FIRST, SECOND, THIRD, ANSWER, UNKEYED}),
    arrived={
        ("hot-1", Side.CUSTOMER): [FIRST, SECOND, THIRD],
        ("hot-1", Side.AGENT): [ANSWER],
        ("telegram-1", Side.AGENT): [UNKEYED],
    },
    rows={FIRST: row(0.0), SECOND: row(0.1), THIRD: row(0.2), ANSWER: row(5.0), UNKEYED: row(6.0)},
    told={ANSWER: SENT, UNKEYED: SENT},
    spans=[Span("hot-1 customer", "a", 1.0, 2.0), Span("hot-1 customer", "b", 2.0, 3.0), Span("else", "c", 1.5, 2.5)],
    idempotent=frozenset({"hot-1"}),
    threads={"hot-1": 1, "telegram-1": 1},
)


def arriving(found: Sequence[Words], ledger: Ledger = GOOD) -> Ledger:
    """Return the ledger with other messages at HubSpot, or at the service."""
    return replace(ledger, arrived={**ledger.arrived, (found[0].conversation, found[0].side): found})


def knowing(ledger: Ledger, **rows: Row) -> Ledger:
    """Return the ledger with other rows."""
    known = {"first": FIRST, "second": SECOND, "third": THIRD, "answer": ANSWER, "unkeyed": UNKEYED}
    return replace(ledger, rows={**ledger.rows, **{known[name]: one for name, one in rows.items()}})


def broken(ledger: Ledger) -> list[tuple[Rule, str]]:
    return [(breach.rule, breach.subject) for breach in checks.find(ledger)]


def test_a_good_ledger_has_no_breach() -> None:
    assert checks.find(GOOD) == []


def test_what_was_taken_and_did_not_arrive_is_lost() -> None:
    assert broken(arriving([FIRST, THIRD])) == [(Rule.LOST, str(SECOND))]


def test_what_the_relay_does_not_even_know_is_lost() -> None:
    rows = {words: one for words, one in GOOD.rows.items() if words != SECOND}
    (breach,) = checks.find(replace(arriving([FIRST, THIRD]), rows=rows))
    assert breach.rule is Rule.LOST
    assert "does not know" in breach.told


def test_a_message_that_two_workers_died_with_is_no_loss_but_counted() -> None:
    dead = replace(row(0.1), status="failed", reason="worker_lost_twice", crashes=2)
    ledger = knowing(arriving([FIRST, THIRD]), second=dead)
    assert checks.find(ledger) == []
    assert checks.dead_letters(ledger) == [SECOND]


@pytest.mark.parametrize(("reason", "crashes"), [("worker_lost_twice", 1), ("internal_error", 2)])
def test_any_other_dead_letter_is_a_breach(reason: str, crashes: int) -> None:
    dead = replace(row(0.1), status="failed", reason=reason, crashes=crashes)
    assert broken(knowing(arriving([FIRST, THIRD]), second=dead)) == [(Rule.DEAD, str(SECOND))]


def test_two_that_were_pending_together_may_not_change_places() -> None:
    assert broken(arriving([SECOND, FIRST, THIRD])) == [(Rule.ORDER, str(FIRST))]


def test_one_that_was_accepted_when_the_other_had_begun_is_late() -> None:
    assert checks.find(knowing(arriving([SECOND, FIRST, THIRD]), first=row(2.0), second=row(0.1))) == []


def test_the_mark_of_lateness_is_not_believed_against_the_times() -> None:
    marked = row(0.0, begun=9.0, late=True)
    ledger = arriving([SECOND, FIRST, THIRD])
    assert broken(knowing(ledger, first=marked, second=row(0.1, begun=5.5))) == [(Rule.ORDER, str(FIRST))]
    assert checks.find(knowing(ledger, first=marked, second=row(0.1, begun=0.5))) == []
    assert checks.late(knowing(ledger, first=marked)) == 1


def test_late_against_one_and_overtaken_by_another_is_still_a_breach() -> None:
    ledger = knowing(arriving([SECOND, THIRD, FIRST]), first=row(2.0), second=row(0.1), third=row(0.2, begun=7.0))
    (breach,) = checks.find(ledger)
    assert (breach.rule, breach.told) == (Rule.ORDER, f"it came after {THIRD}")


def test_a_repetition_does_not_count_as_disorder() -> None:
    assert [rule for rule, _ in broken(arriving([FIRST, SECOND, FIRST, THIRD]))] == [Rule.TWICE_IN_HUBSPOT]


def test_calls_of_one_lane_may_not_overlap() -> None:
    spans = [Span("x", "long", 1.0, 9.0), Span("x", "short", 2.0, 3.0), Span("x", "next", 8.5, 9.5)]
    assert broken(replace(GOOD, spans=spans)) == [(Rule.OVERLAP, "short"), (Rule.OVERLAP, "next")]


def test_what_lies_at_the_other_side_while_its_worker_is_stopped_beyond_its_lease_is_no_second_call() -> None:
    spans = [Span("x", "stopped", 10.0, 10.0 + LEASE + 3), Span("x", "taken over", 10.1 + LEASE, 10.2 + LEASE)]
    during = Freeze(10.5, 10.5 + LEASE + 2)
    assert broken(replace(GOOD, spans=spans, freezes=[during])) == []
    too_early = [spans[0], Span("x", "too early", 9.9 + LEASE, 10.2 + LEASE)]
    for others, freezes in (
        (spans, []),
        (too_early, [during]),
        (spans, [Freeze(5.0, 7.0)]),
        (spans, [Freeze(10.5, 12)]),
    ):
        assert broken(replace(GOOD, spans=others, freezes=freezes)) == [(Rule.OVERLAP, others[1].subject)]


def test_nothing_is_twice_in_hubspot() -> None:
    assert broken(arriving([FIRST, FIRST, SECOND, THIRD])) == [(Rule.TWICE_IN_HUBSPOT, str(FIRST))]


def test_nothing_is_twice_where_there_is_an_idempotency_key() -> None:
    doubtful = knowing(arriving([ANSWER, ANSWER]), answer=replace(row(5.0), unknown=3))
    assert broken(doubtful) == [(Rule.TWICE_WITH_KEY, str(ANSWER))]


def test_without_a_key_each_lost_answer_excuses_one_copy() -> None:
    ledger = arriving([UNKEYED, UNKEYED, UNKEYED])
    assert broken(ledger) == [(Rule.TWICE_BY_ITSELF, str(UNKEYED))]
    assert broken(knowing(ledger, unkeyed=replace(row(6.0), crashes=1))) == [(Rule.TWICE_BY_ITSELF, str(UNKEYED))]
    excused = knowing(ledger, unkeyed=replace(row(6.0), crashes=1, unknown=1))
    assert checks.find(excused) == []
    assert (checks.resent(excused), checks.in_doubt(excused)) == (2, 2)


@pytest.mark.parametrize("told", [None, Told("SENT", [], ""), Told("FAILED", ["FAILED"], "")])
def test_every_answer_has_a_verdict_that_hubspot_was_told(told: Told | None) -> None:
    known = {**GOOD.told, ANSWER: told} if told is not None else {UNKEYED: SENT}
    assert broken(replace(GOOD, told=known)) == [(Rule.VERDICT, str(ANSWER))]


@pytest.mark.parametrize(
    "told", [Told("READ", ["SENT", "READ"], ""), Told("FAILED", ["FAILED"], "It may have arrived.")]
)
def test_read_and_failed_with_a_sentence_are_verdicts(told: Told) -> None:
    assert checks.find(replace(GOOD, told={**GOOD.told, ANSWER: told})) == []


def test_a_conversation_has_one_thread() -> None:
    assert broken(replace(GOOD, threads={"hot-1": 2})) == [(Rule.SPLIT, "hot-1")]


def test_nothing_arrives_that_nobody_wrote() -> None:
    stranger = Words("hot-1", Side.CUSTOMER, 99)
    assert broken(arriving([FIRST, SECOND, THIRD, stranger])) == [(Rule.STRANGE, str(stranger))]


def test_breaches_are_counted_by_rule() -> None:
    counts = checks.counted(checks.find(arriving([THIRD])))
    assert counts[Rule.LOST] == 2
    assert counts[Rule.ORDER] == 0
    assert set(counts) == set(Rule)
