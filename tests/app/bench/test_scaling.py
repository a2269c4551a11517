from __future__ import annotations

import pytest

from app.bench.scaling import steady_rate
from app.bench.stub import Call, Kind
from app.bench.traffic import Passage


def test_the_ends_do_not_count() -> None:
    arrived = [0.0, 0.9, 1.0, 1.1, 1.2, 1.3, 5.0, 9.0]
    calls = [Call(Kind.PUBLISH, "c", "k", "0", at, at) for at in arrived]
    assert steady_rate(Passage(calls, [], 9.0), 2) == pytest.approx(10.0)
