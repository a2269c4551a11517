from __future__ import annotations

import pytest

from app.relay.spans import distance, span


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (90, "90 s"), (120, "2 min"), (-120, "2 min"), (7200, "2 h"), (172_800, "2 d"), (1e9, "11574 d")],
)
def test_a_span_is_told_in_a_fitting_unit(seconds: float, expected: str) -> None:
    assert span(seconds) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(180, "in 3 min"), (-180, "3 min ago"), (0.2, "now"), (-0.4, "now")])
def test_a_distance_says_on_which_side_of_now(seconds: float, expected: str) -> None:
    assert distance(seconds) == expected
