from __future__ import annotations

from app.bench.trials.trial import Options


def test_a_scale_shrinks_what_is_sent_and_leaves_enough_to_see_something() -> None:
    assert Options().scaled(1000) == 1000
    assert Options(scale=0.1).scaled(1000) == 100
    assert Options(scale=0.001).scaled(100, least=10) == 10
