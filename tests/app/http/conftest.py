from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.http import Http


@pytest.fixture
def http() -> Iterator[Http]:
    client = Http(call_timeout=5)
    yield client
    client.close()
