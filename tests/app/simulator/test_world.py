from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from app.simulator.switches import Switches, describe
from app.simulator.world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World(seed=1)
    yield made
    made.close()


def test_ids_repeat_with_the_seed(world: World) -> None:
    twin = World(seed=1)
    assert [world.ids.uuid(), world.ids.number(), world.ids.hex()] == [
        twin.ids.uuid(),
        twin.ids.number(),
        twin.ids.hex(),
    ]
    assert len(world.ids.hex()) == 32
    assert int(world.ids.number()) < int(world.ids.number())


def test_time_is_written_as_hubspot_writes_it(world: World) -> None:
    assert world.clock.iso(1.5) == "1970-01-01T00:00:01.500Z"
    assert world.clock.iso(1789374930.12) == "2026-09-14T08:35:30.120Z"


def test_an_unknown_switch_changes_nothing(world: World) -> None:
    with pytest.raises(ValidationError):
        world.switch(rate_limit=5, no_such_switch=1)
    assert world.switches == Switches()


def test_changes_are_published(world: World) -> None:
    world.switch(rate_limit=5)
    assert [event.kind for event in world.events.since(0)] == ["switches_changed"]


def test_a_reset_returns_to_the_start(world: World) -> None:
    forgotten: list[int] = []
    world.on_reset(lambda: forgotten.append(1))
    world.switch(rate_limit=5)
    world.advance(1000)
    before = world.clock.now()
    world.reset()
    assert world.switches == Switches()
    assert world.clock.now() < before - 900
    assert forgotten == [1]


def test_every_switch_is_described() -> None:
    described = {switch["name"]: switch for switch in describe()}
    assert described.keys() == Switches.model_fields.keys()
    assert all(switch["confidence"] in {"D", "C", "I", "U"} and switch["about"] for switch in described.values())
    assert described["closed_thread_policy"]["values"] == ["reopen", "new_thread"]
