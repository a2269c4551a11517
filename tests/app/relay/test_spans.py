from __future__ import annotations

import pytest

from app.relay.spans import distance, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (42.4, "42 s"), (-99, "99 s"), (100, "2 min"), (5_399, "90 min"), (7_200, "2 h"), (200_000, "2 d")],
)
def test_spans_have_a_unit_that_fits(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.3, "now"), (-0.4, "now"), (30, "in 30 s"), (-600, "10 min ago")])
def test_distances_have_a_direction(seconds: float, words: str) -> None:
    assert distance(seconds) == words
