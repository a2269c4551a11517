from __future__ import annotations

from app.bench.blast import Outcome
from app.bench.trials.redis_away import figures, refused

#: A hundred answers, the slowest of which took 10 ms.
CALM = Outcome({200: 100}, 0, [0.001 * (1 + at // 11) for at in range(100)], 1.0, 0.0)


def slower(times: float) -> Outcome:
    return Outcome({200: 100}, 0, [one * times for one in CALM.durations], 1.0, 0.0)


def broken(*outcomes: Outcome, stored: int = 400) -> list[str]:
    """The names of the figures that are a breach."""
    return [one.name for one in figures([*outcomes, CALM], stored) if one.is_breach]


def test_every_2xx_is_one() -> None:
    assert refused(Outcome({200: 5, 204: 3, 503: 2, 404: 1}, 0, [0.1], 1.0, 0.0)) == 3


def test_a_calm_outage_breaks_nothing() -> None:
    assert broken(CALM, slower(1.4), CALM) == []


def test_what_is_slower_refused_unanswered_or_not_stored_is_a_breach() -> None:
    assert broken(CALM, slower(1.6), CALM) == ["p99 while away, to p99 before"]
    assert broken(CALM, CALM, slower(9)) == []
    assert broken(CALM, Outcome({200: 99, 503: 1}, 0, CALM.durations, 1.0, 0.0), CALM) == ["answers other than 2xx"]
    assert broken(CALM, Outcome({200: 99}, 1, CALM.durations, 1.0, 0.0), CALM) == ["webhooks without an answer"]
    assert broken(slower(100), slower(100), CALM) == ["p99 before"]
    assert broken(CALM, CALM, CALM, stored=399) == ["answered and not stored"]
