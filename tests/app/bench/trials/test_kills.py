from __future__ import annotations

from app.bench.trials.kills import next_of


def test_each_has_its_turn() -> None:
    assert next_of({"web 2", "web 1"}, {}) == "web 1"
    assert next_of({"web 2", "web 1"}, {"web 1": 1}) == "web 2"
    assert next_of({"web 2", "web 1"}, {"web 1": 1, "web 2": 3}) == "web 1"


def test_the_last_one_at_work_is_left_alone() -> None:
    assert next_of({"web 1"}, {}) is None
    assert next_of(set(), {}) is None
