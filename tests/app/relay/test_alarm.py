from __future__ import annotations

import time

import pytest

from app.doorbell import Doorbell, Ring
from app.relay.alarm import Alarm
from tests.app.relay.world import eventually


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """What was rung, and when."""
    heard: list[tuple[int, float]] = []

    def ring(_self: Doorbell, lane_id: int) -> Ring:
        heard.append((lane_id, time.monotonic()))
        return Ring.RUNG

    monkeypatch.setattr(Doorbell, "ring", ring)
    return heard


def test_it_rings_at_each_ones_time_and_not_before(rings: list[tuple[int, float]]) -> None:
    alarm, started = Alarm(Doorbell("memory://")), time.monotonic()
    for lane, seconds in ((3, 0.15), (1, 0.05), (2, 0.1)):
        alarm.ring_in(seconds, lane)
    eventually(lambda: len(rings) == 3)
    alarm.close()
    assert [lane for lane, _ in rings] == [1, 2, 3]
    assert all(at - started >= 0.05 * lane for lane, at in rings)


def test_closing_forgets_what_is_left(rings: list[tuple[int, float]]) -> None:
    alarm, started = Alarm(Doorbell("memory://")), time.monotonic()
    alarm.ring_in(60, 1)
    alarm.close()
    alarm.ring_in(0, 2)
    assert (rings, time.monotonic() - started < 5) == ([], True)


def test_one_that_never_rang_closes_too() -> None:
    Alarm(Doorbell("memory://")).close()
