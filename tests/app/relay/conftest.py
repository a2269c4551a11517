from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator.server import SimulatorServer
from tests.app.relay.world import RelayWorld, basic_settings, relay_world


@pytest.fixture(scope="session")
def relay_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorServer]:
    """One simulator for this test process; every world seeds it and empties it again."""
    with SimulatorServer(basic_settings(tmp_path_factory.mktemp("simulator"))) as running:
        yield running


@pytest.fixture
def relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_database_url: str, relay_simulator: SimulatorServer
) -> Iterator[RelayWorld]:
    """A relay on each database, with a loopback account; no worker runs."""
    with relay_world(tmp_path, monkeypatch, migrated_database_url, shared=relay_simulator, migrated=True) as world:
        yield world


@pytest.fixture
def light_relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str, relay_simulator: SimulatorServer
) -> Iterator[RelayWorld]:
    """The same on SQLite alone, where the database makes no difference."""
    with relay_world(tmp_path, monkeypatch, migrated_sqlite_url, shared=relay_simulator, migrated=True) as world:
        yield world
