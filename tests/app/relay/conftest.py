from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.relay.world import RelayWorld, relay_world


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[RelayWorld]:
    """A relay on each database, with a loopback account; no worker runs."""
    with relay_world(tmp_path, monkeypatch, database_url) as world:
        yield world
