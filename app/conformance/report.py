"""What the suite checks and what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Failed(Exception):
    """The connector breaks the contract; the message says where."""


class Skipped(Exception):
    """The check needs something that was not given; the message says what."""


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One promise of the contract. ``run`` raises ``Failed`` or ``Skipped``, or returns."""

    name: str
    run: Callable[[], None]


@dataclass(frozen=True)
class Result:
    """How one check ended, and why where it did not pass."""

    name: str
    outcome: Outcome
    reason: str = ""

    def line(self) -> str:
        """Return one line for people."""
        return f"{self.outcome.value:8}{self.name}{f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True)
class Report:
    """How all the checks of one connector ended."""

    connector: str
    results: tuple[Result, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed; skipped ones do not count."""
        return not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        """The checks that failed."""
        return tuple(result for result in self.results if result.outcome is Outcome.FAILED)

    def text(self) -> str:
        """Return a line a check and a last one with the sums."""
        sums = ", ".join(f"{self._count(outcome)} {outcome.value}" for outcome in Outcome)
        return "\n".join([*(result.line() for result in self.results), f"{self.connector}: {sums}"])

    def _count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)


def expect(condition: object, reason: str) -> None:
    """Check a condition.

    Raises:
        Failed: it does not hold.
    """
    if not condition:
        raise Failed(reason)


def perform(check: Check) -> Result:
    """Run a check. Whatever a connector raises unexpectedly is a failure of that check only."""
    try:
        check.run()
    except Skipped as skipped:
        return Result(check.name, Outcome.SKIPPED, str(skipped))
    except Failed as failed:
        return Result(check.name, Outcome.FAILED, str(failed))
    except Exception as error:  # noqa: BLE001 - the connector under test may raise anything
        return Result(check.name, Outcome.FAILED, f"raised {type(error).__name__}: {error}")
    return Result(check.name, Outcome.PASSED)
