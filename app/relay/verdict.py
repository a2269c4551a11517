"""What an error means for the message, its account and its lane. Pure: drain carries it out."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import StrEnum

from app import logs
from app.domain.capability import UnknownOutcome
from app.errors import ConfigurationError, OutcomeUnknown, RateLimited, Rejected, RelayError, Transient, Unauthorized
from app.storage.attempts import Outcome
from app.storage.database import DatabaseAway

#: Seconds before the second, third, ... try; the tail is Svix's, the head is faster.
RETRY_DELAYS = (2.0, 10.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
#: Each delay is shortened or lengthened by up to this share, so that a crowd does not come back at once.
JITTER = 0.2
#: The longest that another side may make us wait (seconds): a day, which HubSpot asks for while it moves a portal.
LONGEST_WAIT = 86_400.0
#: A message that alone does not get through, while others of its account do, is given up after so many tries.
OWN_TRIES = 6
#: An error of our own making is tried so often before it becomes a dead letter.
BUG_TRIES = 3
#: Seconds before the next try after our own database was away.
_AWAY = 1.0
#: Two workers that died in the same message make it a dead letter.
CRASHES = 2
#: What an agent has to know of a message whose outcome nobody knows.
MAY_HAVE_ARRIVED = "It may have arrived: check with the customer before you send it again."


class Next(StrEnum):
    """What happens next with the message."""

    RETRY = "retry"
    PAUSE_ACCOUNT = "pause_account"
    PAUSE_PORTAL = "pause_portal"
    FAIL = "fail"


@dataclass(frozen=True)
class Verdict:
    """What follows from a failed call.

    ``delay``: seconds until the next try. ``free``: it costs no attempt. ``part_state``: what the part is afterwards
    (``unknown``: it may have arrived). ``slow_down``: the other side asked for it, so that everybody waits.
    ``credential``: which one was refused, where the other side told.
    """

    next: Next
    outcome: Outcome
    part_state: str
    code: str
    hint: str
    detail: str = ""
    delay: float = 0.0
    free: bool = False
    slow_down: bool = False
    credential: str = ""

    @property
    def pauses(self) -> bool:
        """Whether somebody pauses, and the message only waits."""
        return self.next in {Next.PAUSE_ACCOUNT, Next.PAUSE_PORTAL}


def judge(
    error: Exception, *, attempts: int, repeatable: bool, policy: UnknownOutcome, own_trouble: bool = False
) -> Verdict:
    """Judge a failed call. What the other side said is stored and shown: secrets that it repeats are masked.

    ``attempts`` counts this one. ``repeatable``: the other side recognises a repeated call by its key; where it does
    not, ``policy`` decides what a lost answer means. ``own_trouble``: others get through, so that trying on is no use.
    """
    verdict = _judge(error, attempts, repeatable=repeatable, policy=policy, own_trouble=own_trouble)
    return replace(verdict, hint=logs.redact(verdict.hint), detail=logs.redact(verdict.detail))


def _judge(error: Exception, attempts: int, *, repeatable: bool, policy: UnknownOutcome, own_trouble: bool) -> Verdict:
    if isinstance(error, ConfigurationError):
        hint = str(error)
        return Verdict(Next.PAUSE_ACCOUNT, Outcome.UNAUTHORIZED, "pending", "configuration", hint, free=True)
    if not isinstance(error, RelayError):
        return _bug(error, attempts)
    if isinstance(error, Unauthorized):
        pause = Next.PAUSE_PORTAL if error.scope == "portal" else Next.PAUSE_ACCOUNT
        verdict = Verdict(pause, Outcome.UNAUTHORIZED, "pending", error.reason, error.hint, free=True)
        return replace(verdict, detail=error.detail or "", credential=error.credential)
    tries = len(RETRY_DELAYS) + 1 if own_trouble else attempts
    if isinstance(error, Transient):
        return _transient(error, tries)
    if isinstance(error, OutcomeUnknown):
        return _unknown(error, tries, repeatable=repeatable, policy=policy)
    assert isinstance(error, Rejected)  # noqa: S101 - the tree has no other branch that a call may raise
    return Verdict(Next.FAIL, Outcome.REJECTED, "failed", error.reason, error.hint, detail=error.detail or "")


def spared(verdict: Verdict) -> Verdict:
    """Return what follows from a call that failed for everybody: the message's attempts are not burnt."""
    return replace(verdict, free=True) if verdict.next is Next.RETRY else verdict


def lost(*, crashes: int, repeatable: bool, policy: UnknownOutcome) -> Verdict:
    """Judge a call whose worker died. ``crashes`` counts this one."""
    error = OutcomeUnknown("The relay was interrupted while sending; it may have arrived.", code="worker_lost")
    if crashes >= CRASHES:
        return Verdict(Next.FAIL, Outcome.UNKNOWN, "failed", "worker_lost_twice", error.hint)
    return _unknown(error, 1, repeatable=repeatable, policy=policy)


def _transient(error: Transient, attempts: int) -> Verdict:
    free = isinstance(error, RateLimited)
    exhausted = attempts > len(RETRY_DELAYS) and not free
    delay = retry_delay(attempts) if error.retry_after is None else min(error.retry_after, LONGEST_WAIT)
    return Verdict(
        Next.FAIL if exhausted else Next.RETRY,
        Outcome.TRANSIENT,
        "failed" if exhausted else "pending",
        error.reason,
        error.hint,
        detail=error.detail or "",
        delay=delay,
        free=free,
        slow_down=free and error.retry_after is not None and error.reason == RateLimited.code,
    )


def _unknown(error: OutcomeUnknown, attempts: int, *, repeatable: bool, policy: UnknownOutcome) -> Verdict:
    detail = error.detail or ""
    again = repeatable or policy is not UnknownOutcome.HOLD
    if again and attempts <= len(RETRY_DELAYS):
        state = "unknown" if policy is UnknownOutcome.LOOK_UP and not repeatable else "pending"
        delay = retry_delay(attempts)
        return Verdict(Next.RETRY, Outcome.UNKNOWN, state, error.reason, error.hint, detail=detail, delay=delay)
    hint = f"{error.hint.rstrip('.')}. {MAY_HAVE_ARRIVED}"
    return Verdict(Next.FAIL, Outcome.UNKNOWN, "unknown", error.reason, hint, detail=detail)


def _bug(error: Exception, attempts: int) -> Verdict:
    """Judge an error that is not one of ours: retried a few times, because a release may mend it, never for ever.

    A database that is away is nobody's fault and costs no attempt: messages would die of its restarts.
    """
    if isinstance(error, DatabaseAway):
        hint = "The relay's database was away for a moment."
        return Verdict(Next.RETRY, Outcome.TRANSIENT, "pending", "database_away", hint, delay=_AWAY, free=True)
    name = type(error).__name__
    hint = "The relay itself failed with this message; its log has the details."
    if attempts < BUG_TRIES:
        delay = retry_delay(attempts)
        return Verdict(Next.RETRY, Outcome.TRANSIENT, "pending", "internal_error", hint, detail=name, delay=delay)
    return Verdict(Next.FAIL, Outcome.REJECTED, "failed", "internal_error", hint, detail=name)


def retry_delay(attempts: int) -> float:
    """Seconds before the try after ``attempts`` tries."""
    base = RETRY_DELAYS[min(max(attempts, 1), len(RETRY_DELAYS)) - 1]
    return base * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreading, not secrecy
