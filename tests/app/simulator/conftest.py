"""One simulator per test process, emptied and seeded for each test, and a receiver of its webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from app.simulator import seed
from app.simulator.server import SimulatorServer
from app.simulator.world import World
from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import Scene, settings


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer(settings(), world=World(seed=7)) as running:
        yield running


@pytest.fixture(scope="session")
def client(simulator: SimulatorServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url) as running:
        yield running


@pytest.fixture
def scene(simulator: SimulatorServer, client: httpx.Client, receiver: Receiver) -> Iterator[Scene]:
    """The demo's world; its webhooks go to the receiver, and retries come a thousand times sooner."""
    seed.seed(simulator.world, settings(), receiver.url)
    simulator.world.switch(webhook_time_scale=0.001)
    yield Scene(simulator.world, client)
    simulator.world.reset()
