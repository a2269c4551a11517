from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app import logs
from tests.app.relay.conftest import light_relay, relay, relay_simulator
from tests.app.relay.world import RelayWorld

__all__ = ["light_relay", "relay", "relay_simulator"]

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(light_relay: RelayWorld) -> Iterator[Lines]:
    """What the relay logs from here on."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.configure(light_relay.services.settings.model_copy(update={"log_format": "json"}), [], stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers = before
    root.setLevel(level)
