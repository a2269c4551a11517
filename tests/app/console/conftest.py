from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator.server import SimulatorServer
from tests.app.console.visitor import BOT, Visitor
from tests.app.relay.conftest import relay_simulator
from tests.app.relay.world import RelayWorld, relay_world

__all__ = ["relay_simulator"]


@pytest.fixture
def relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str, relay_simulator: SimulatorServer
) -> Iterator[RelayWorld]:
    """A relay whose HubSpot, settings page and consent page included, is the simulator; a bot waits at Telegram."""
    address = relay_simulator.url
    with relay_world(
        tmp_path, monkeypatch, migrated_sqlite_url, shared=relay_simulator, migrated=True, hubspot_app_url=address
    ) as world:
        world.call("POST", "/_sim/telegram/bots", {"token": BOT, "username": "shop_bot", "name": "Shop"})
        yield world


@pytest.fixture
def visitor(relay: RelayWorld) -> Visitor:
    return Visitor(relay)
