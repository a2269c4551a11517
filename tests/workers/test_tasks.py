from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.storage.database import Database
from tests.app.relay.conftest import light_relay, relay_simulator
from tests.app.relay.world import RelayWorld, free_port
from workers import tasks
from workers.celery import Resident

__all__ = ["light_relay", "relay_simulator"]


@pytest.fixture
def working(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> RelayWorld:
    """A worker process that holds this relay's services."""
    monkeypatch.setattr(Resident, "services", light_relay.services)
    return light_relay


def test_a_ring_drains_its_lane(working: RelayWorld) -> None:
    working.say("Hello?")
    working.wait_for_webhooks()
    tasks.drain_lane(1)
    assert working.texts() == ["Hello?"]


def test_a_ring_for_nothing_does_nothing(working: RelayWorld) -> None:
    tasks.drain_lane(4711)
    tasks.prepare_media(4711)
    assert working.threads() == []


def test_a_ring_that_comes_twice_does_no_harm(working: RelayWorld) -> None:
    working.say("Hello?")
    working.wait_for_webhooks()
    for _ in range(2):
        tasks.drain_lane(1)
    assert working.texts() == ["Hello?"]


@pytest.mark.parametrize("task", [tasks.drain_lane, tasks.prepare_media], ids=["lane", "media"])
def test_a_database_that_is_away_leaves_it_to_the_scheduler(
    working: RelayWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, task: Callable[[int], None]
) -> None:
    away = Database(f"postgresql://relay@127.0.0.1:{free_port()}/relay")
    monkeypatch.setattr(Resident, "services", replace(working.services, database=away))
    task(1)
    assert "left_to_the_scheduler" in caplog.text
    away.close()
