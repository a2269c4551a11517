from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from app.http import Http


@pytest.fixture(scope="session")
def usual_authorities() -> ssl.SSLContext:
    return ssl.create_default_context()


@pytest.fixture
def http(usual_authorities: ssl.SSLContext) -> Iterator[Http]:
    client = Http(call_timeout=5, tls=usual_authorities)
    yield client
    client.close()
