from __future__ import annotations

from contextlib import closing

import pytest

from app.bench.callers import CallersFailed, Limit, busiest, saturate
from app.limiter import Limiter


def test_the_busiest_window_is_found() -> None:
    assert busiest([], 1.0) == 0
    assert busiest([0.0, 0.9, 1.0, 1.1, 1.2, 3.0], 1.0) == 4
    assert busiest([0.0, 1.0, 2.0], 1.0) == 1


def test_callers_of_several_processes_share_a_limit(redis_url: str) -> None:
    with closing(Limiter(redis_url)) as limiter:
        limiter.trust()
    times = saturate(Limit(redis_url, "bench", 50, 1.0), processes=2, threads=4, seconds=1.0)
    assert times == sorted(times)
    assert 40 <= len(times) <= 50 + 8  # each thread may have one more slot when its time is over


def test_callers_that_cannot_call_are_told_of(redis_url: str) -> None:
    with pytest.raises(CallersFailed):
        saturate(Limit(redis_url, "bench", 0, 1.0), processes=1, threads=1, seconds=0.1)
