from __future__ import annotations

from app.bench.report import Figure
from app.bench.trials.limit import figures
from app.bench.trials.observed import Call

WARM = 1000.0


def call(at: float, status: int = 201, *, method: str = "POST", path: str = "/conversations/messages") -> Call:
    return Call(WARM + at, method, path, status)


def steady(seconds: int, *, a_second: float = 10.7) -> list[Call]:
    return [call(number / a_second) for number in range(round(seconds * a_second))]


def breaches(calls: list[Call], seconds: float = 60) -> set[str]:
    return {one.name for one in figures(calls, WARM, seconds) if one.is_breach}


def value(calls: list[Call], name: str) -> float:
    found: dict[str, Figure] = {one.name: one for one in figures(calls, WARM, 60)}
    return found[name].median


def test_a_limit_that_is_kept_and_used_is_no_breach() -> None:
    assert breaches(steady(60)) == set()


def test_a_refused_call_is_a_breach_after_the_warm_up_only() -> None:
    assert breaches([*steady(60), call(-1.0, 429)]) == set()
    assert value([call(-1.0, 429), *steady(60)], "warm-up: answers 429") == 1
    assert breaches([*steady(60), call(30.0, 429)]) == {"answers 429"}


def test_one_call_too_many_in_any_window_is_a_breach() -> None:
    crowd = [call(33.3 + number / 1000) for number in range(4)]
    assert breaches([*steady(60), *crowd[:2]]) == set()
    assert breaches([*steady(60), *crowd]) == {"most calls in any 10 s"}


def test_a_limit_that_is_not_used_is_a_breach() -> None:
    assert breaches(steady(60, a_second=10.4)) == {"share of the limit used"}
    assert breaches(steady(50)) == {"share of the limit used"}


def test_every_kind_of_call_counts() -> None:
    calls = [*steady(60), call(1.0, 200, path="/oauth/2026-03/token"), call(2.0, 200, method="PATCH")]
    assert value(calls, "messages published") == 642
    assert (value(calls, "tokens refreshed"), value(calls, "statuses told")) == (1, 1)
