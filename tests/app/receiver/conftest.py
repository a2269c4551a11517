from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from app import logs
from tests.app.relay.conftest import light_relay, relay, relay_simulator
from tests.app.relay.world import RelayWorld

__all__ = ["light_relay", "relay", "relay_simulator"]

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(light_relay: RelayWorld) -> Lines:
    """What the relay logs from here on."""
    stream = io.StringIO()
    logs.configure(light_relay.services.settings.model_copy(update={"log_format": "json"}), [], stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
