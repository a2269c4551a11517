"""The trials about outages at their smallest: real processes by a faster clock, and no breach."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from app.bench.command import bench
from tests.servers.presence import Server, require

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crowd"), pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def servers() -> None:
    require(Server.REDIS)
    require(Server.POSTGRESQL)


def figures(trial: str) -> dict[str, Any]:
    """Run a trial; return its figures by name, none of which may be a breach."""
    result = CliRunner().invoke(bench, ["trials", trial, "--scale", "0.05", "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    [report] = json.loads(result.stdout)
    assert not report["breach"], report
    return {one["name"]: one for one in report["figures"]}


@pytest.mark.long
def test_a_service_that_is_away_delays_or_fails_but_never_both() -> None:
    found = figures("service-down")
    assert found["short: agents' messages"]["median"] == found["long: agents' messages"]["median"] == 8
    assert found["long: messages that failed"]["median"] == 8
    assert found["lost"]["bar"]


@pytest.mark.long
def test_a_black_hole_leaves_a_verdict_for_each_message() -> None:
    found = figures("black-hole")
    sent = found["agents' messages"]["median"]
    assert sent == found["failures told with a sentence"]["median"] == 50
    assert found["calls into the hole"]["median"] > 0


@pytest.mark.long
def test_a_poisoned_message_is_buried_and_stops_nobody() -> None:
    found = figures("poison")
    assert found["messages of others"]["median"] > 50
    assert found["dead letters"]["median"] == 2
