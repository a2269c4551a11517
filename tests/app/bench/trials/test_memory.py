from __future__ import annotations

import os

import pytest

from app.bench.trials.memory import growth, resident


def test_what_came_before_the_warm_up_does_not_count() -> None:
    assert growth([10, 90, 100, 100, 103, 104]) == pytest.approx(4)
    assert growth([10, 90, 100, 90, 80]) == pytest.approx(-10)


def test_the_most_of_the_last_samples_counts() -> None:
    assert growth([10, 90, 100, 150, 110, 105]) == pytest.approx(10)


def test_a_process_is_measured_in_bytes() -> None:
    before = resident(os.getpid())
    held = b"x" * 50_000_000
    assert 40_000_000 < resident(os.getpid()) - before < 80_000_000
    assert len(held) == 50_000_000
