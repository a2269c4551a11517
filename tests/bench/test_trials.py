"""The trials about order, loss and tokens at a tenth of their size: real processes, and no breach."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from app.bench.trials.command import command
from tests.servers.presence import Server, require

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crowd"), pytest.mark.timeout(300)]

#: What may not be in any of the three talks.
NEVER = (
    "lost",
    "out of order in a lane",
    "overlapping calls in a lane",
    "duplicates in HubSpot",
    "duplicates at services with idempotency",
    "agents' messages without a verdict",
    "conversations in more than one thread",
)


@pytest.fixture(autouse=True)
def servers() -> None:
    require(Server.REDIS)
    require(Server.POSTGRESQL)


def figures(trial: str) -> dict[str, Any]:
    """Run a trial; return its figures by name, none of which may be a breach."""
    result = CliRunner().invoke(command, [trial, "--scale", "0.1", "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    [report] = json.loads(result.stdout)
    assert not report["breach"], report
    assert result.exit_code == 0
    return {one["name"]: one for one in report["figures"]}


@pytest.mark.parametrize(
    "trial", [pytest.param("order", marks=pytest.mark.long), "refusals", pytest.param("kills", marks=pytest.mark.long)]
)
def test_all_arrive_once_and_in_order(trial: str) -> None:
    found = figures(trial)
    assert found["messages each way"]["median"] == 100
    assert [found[name]["median"] for name in NEVER] == [0] * len(NEVER)
    assert all(found[name]["bar"] for name in NEVER)


@pytest.mark.long
def test_one_refresh_for_everybody() -> None:
    found = figures("tokens")
    for how in ("HubSpot refuses it", "its time is over"):
        assert found[f"{how}: refresh calls"]["median"] == 1
        assert found[f"{how}: all arrived"]["median"] == 1
        assert found[f"{how}: lanes that waited for another's refresh"]["median"] > 10
    assert found["HubSpot refuses it: calls answered 401"]["median"] >= 1


@pytest.mark.long
def test_large_files_go_both_ways_and_fit_into_little_memory() -> None:
    found = figures("media")
    assert found["files that arrived whole"]["median"] == 2
    assert found["the media process grew by"]["bar"]
    assert found["texts, beside the files"]["median"] > 0
