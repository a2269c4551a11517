from __future__ import annotations

from dataclasses import dataclass

import pytest

from app import errors
from app.domain.capability import UnknownOutcome
from app.errors import RateLimited, RelayError, ServiceUnavailable, Unauthorized
from app.relay.verdict import (
    BUG_TRIES,
    CRASHES,
    JITTER,
    LONGEST_WAIT,
    RETRY_DELAYS,
    Next,
    Verdict,
    judge,
    lost,
    retry_delay,
)
from app.storage.attempts import Outcome


@dataclass(frozen=True)
class Way:
    """Who is called: HubSpot and some services know a repeated call by its key, the others declare a policy."""

    repeatable: bool
    policy: UnknownOutcome

    def judge(self, error: Exception, attempts: int = 1) -> Verdict:
        return judge(error, attempts=attempts, repeatable=self.repeatable, policy=self.policy)


TO_HUBSPOT = Way(repeatable=True, policy=UnknownOutcome.RESEND)
HOLDING = Way(repeatable=False, policy=UnknownOutcome.HOLD)
RESENDING = Way(repeatable=False, policy=UnknownOutcome.RESEND)
ASKING = Way(repeatable=False, policy=UnknownOutcome.LOOK_UP)
WAYS = [TO_HUBSPOT, HOLDING, RESENDING, ASKING]

EXPECTED: dict[type[RelayError], tuple[Next, Outcome]] = {
    errors.Transient: (Next.RETRY, Outcome.TRANSIENT),
    errors.ServiceUnavailable: (Next.RETRY, Outcome.TRANSIENT),
    errors.HubSpotUnavailable: (Next.RETRY, Outcome.TRANSIENT),
    errors.RateLimited: (Next.RETRY, Outcome.TRANSIENT),
    errors.MediaNotReady: (Next.RETRY, Outcome.TRANSIENT),
    errors.Rejected: (Next.FAIL, Outcome.REJECTED),
    errors.MessageInvalid: (Next.FAIL, Outcome.REJECTED),
    errors.ContentUnsupported: (Next.FAIL, Outcome.REJECTED),
    errors.RecipientUnreachable: (Next.FAIL, Outcome.REJECTED),
    errors.WindowClosed: (Next.FAIL, Outcome.REJECTED),
    errors.OptedOut: (Next.FAIL, Outcome.REJECTED),
    errors.ResponseUnexpected: (Next.FAIL, Outcome.REJECTED),
    errors.Unauthorized: (Next.PAUSE_ACCOUNT, Outcome.UNAUTHORIZED),
}
#: Judged by the way, not by the class alone; or never raised by a call.
ELSEWHERE = {errors.OutcomeUnknown, errors.SignatureInvalid, errors.RelayError}


@pytest.mark.parametrize("way", WAYS, ids=["hubspot", "hold", "resend", "look up"])
@pytest.mark.parametrize("kind", EXPECTED)
def test_each_error_has_its_verdict_in_each_direction(kind: type[RelayError], way: Way) -> None:
    verdict = way.judge(kind("A sentence.", detail="their words"))
    assert (verdict.next, verdict.outcome) == EXPECTED[kind]
    assert (verdict.code, verdict.hint, verdict.detail) == (kind.code, "A sentence.", "their words")


def test_no_error_of_the_tree_is_left_out() -> None:
    tree = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, RelayError)}
    assert tree == set(EXPECTED) | ELSEWHERE


@pytest.mark.parametrize("tries", range(1, len(RETRY_DELAYS) + 1))
def test_the_pauses_grow_and_vary_by_a_fifth(tries: int) -> None:
    base = RETRY_DELAYS[tries - 1]
    drawn = [retry_delay(tries) for _ in range(200)]
    assert min(drawn) >= base * (1 - JITTER)
    assert max(drawn) <= base * (1 + JITTER)
    assert max(drawn) - min(drawn) > base * JITTER


def test_a_message_is_not_tried_for_ever() -> None:
    assert TO_HUBSPOT.judge(ServiceUnavailable("Down."), len(RETRY_DELAYS)).next is Next.RETRY
    last = TO_HUBSPOT.judge(ServiceUnavailable("Down."), len(RETRY_DELAYS) + 1)
    assert (last.next, last.part_state) == (Next.FAIL, "failed")


def test_the_other_sides_wish_comes_before_our_schedule_up_to_a_day() -> None:
    assert TO_HUBSPOT.judge(ServiceUnavailable("Moving.", retry_after=77.0)).delay == 77.0
    assert TO_HUBSPOT.judge(ServiceUnavailable("Moving.", retry_after=1e9)).delay == LONGEST_WAIT


def test_a_rate_limit_costs_no_attempt_and_slows_everybody_down() -> None:
    verdict = TO_HUBSPOT.judge(RateLimited("Slow down.", retry_after=3.0), 99)
    assert (verdict.next, verdict.free, verdict.slow_down, verdict.delay) == (Next.RETRY, True, True, 3.0)


def test_a_refresh_under_way_slows_nobody_else_down() -> None:
    verdict = TO_HUBSPOT.judge(RateLimited("Refreshing.", retry_after=0.5, code="token_refreshing"))
    assert (verdict.free, verdict.slow_down) == (True, False)


def test_a_refusal_pauses_what_it_speaks_of_and_costs_no_attempt() -> None:
    assert TO_HUBSPOT.judge(Unauthorized("Install again.", scope="portal")).next is Next.PAUSE_PORTAL
    assert TO_HUBSPOT.judge(Unauthorized("New token.")).free


@pytest.mark.parametrize(
    ("way", "expected", "state"),
    [
        (TO_HUBSPOT, Next.RETRY, "pending"),
        (RESENDING, Next.RETRY, "pending"),
        (ASKING, Next.RETRY, "unknown"),
        (HOLDING, Next.FAIL, "unknown"),
    ],
    ids=["hubspot", "resend", "look up", "hold"],
)
def test_a_lost_answer_is_judged_by_the_policy(way: Way, expected: Next, state: str) -> None:
    verdict = way.judge(errors.OutcomeUnknown("The connection was lost."))
    assert (verdict.next, verdict.part_state, verdict.outcome) == (expected, state, Outcome.UNKNOWN)
    crash = lost(crashes=1, repeatable=way.repeatable, policy=way.policy)
    assert (crash.next, crash.part_state) == (expected, state)


def test_who_holds_a_message_says_that_it_may_have_arrived() -> None:
    assert "may have arrived" in HOLDING.judge(errors.OutcomeUnknown("The connection was lost.")).hint


@pytest.mark.parametrize("way", WAYS, ids=["hubspot", "hold", "resend", "look up"])
def test_two_crashes_make_a_dead_letter(way: Way) -> None:
    verdict = lost(crashes=CRASHES, repeatable=way.repeatable, policy=way.policy)
    assert (verdict.next, verdict.code) == (Next.FAIL, "worker_lost_twice")
    assert "may have arrived" in verdict.hint


def test_a_bug_of_ours_is_tried_a_few_times_and_does_not_show_its_words() -> None:
    early, late = (TO_HUBSPOT.judge(KeyError("a customer's text"), tries) for tries in (1, BUG_TRIES))
    assert (early.next, late.next) == (Next.RETRY, Next.FAIL)
    assert late.code == "internal_error"
    assert "customer" not in late.hint + late.detail
