"""Each benchmark at its smallest size: real processes, every figure there. How good the figures are is not asked."""

from __future__ import annotations

import json
import math
from typing import Any

import click
import pytest
from click.testing import CliRunner

from app.bench import limiter, pipeline, receiver, scaling
from tests.servers.presence import Server, require

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crowd"), pytest.mark.timeout(240)]


@pytest.fixture(autouse=True)
def servers() -> None:
    require(Server.REDIS)
    require(Server.POSTGRESQL)


def reports(command: click.Command, *words: str) -> list[dict[str, Any]]:
    """Run a benchmark, without waiting for others as ``relay bench`` does; return its reports."""
    result = CliRunner().invoke(command, [*words, "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == int(any(one["breach"] for one in found))
    return found


def figures(report: dict[str, Any], *, runs: int = 1) -> dict[str, dict[str, Any]]:
    """The figures by name, each a number for every run."""
    by_name = {one["name"]: one for one in report["figures"]}
    assert len(by_name) == len(report["figures"])
    assert all(len(one["values"]) == runs for one in by_name.values())
    assert all(math.isfinite(value) and value >= 0 for one in by_name.values() for value in one["values"])
    return by_name


def with_bar(found: dict[str, dict[str, Any]]) -> dict[str, tuple[str, float]]:
    return {name: (one["bar"], one["limit"]) for name, one in found.items() if one["bar"]}


@pytest.mark.long
def test_receiver() -> None:
    found = reports(receiver.command, "--runs", "2", "--requests", "20")
    assert [one["title"] for one in found] == ["Receiver, sqlite", "Receiver, postgresql"]
    for report in found:
        by_name = figures(report, runs=2)
        bars = with_bar(by_name)
        for source in ("loopback", "hubspot"):
            assert bars[f"{source}, cold: of nothing done"] == (">=", 0.35)
            assert bars[f"{source}, hot: of nothing done"] == (">=", 0.42)
            assert bars[f"{source}, hot: rings a message"] == ("=", 0.0)
            assert by_name[f"{source}, cold: rings a message"]["values"] == [1.0, 1.0]
            assert by_name[f"{source}, hot: rings a message"]["values"] == [0.0, 0.0]
            assert {f"{source}, {kind}: {one}" for kind in ("cold", "hot") for one in ("p50", "p99")} <= by_name.keys()


@pytest.mark.long
def test_pipeline() -> None:
    [report] = reports(pipeline.command, "--runs", "1", "--messages", "20", "--latency", "0.05", "--threads", "4")
    by_name = figures(report)
    assert with_bar(by_name) == {
        "1 a lane: of raw": ("<=", 1.35),
        "10 a lane: of raw": ("<=", 0.9),
        "10 a lane: Celery tasks a message": ("<=", 0.2),
        "half the rate: p50 of HubSpot's time": ("<=", 1.08),
        "half the rate: p95 of HubSpot's time": ("<=", 1.25),
    }
    assert by_name["half the rate: p50 of HubSpot's time"]["median"] >= 1
    assert by_name["1 a lane: worker's CPU a message"]["median"] > 0


@pytest.mark.long
def test_scaling() -> None:
    [report] = reports(scaling.command, "--runs", "1", "--rounds", "4", "--latency", "0.1", "--threads", "2")
    by_name = figures(report)
    assert with_bar(by_name) == {"2 workers: of one": (">=", 1.9), "4 workers: of one": (">=", 3.7)}
    assert all(0 < by_name[f"{count} workers: of waiting alone"]["median"] < 1.1 for count in (1, 2, 4))


@pytest.mark.long
def test_limiter() -> None:
    words = ["--runs", "1", "--seconds", "1", "--calls", "20", "--messages", "10"]
    alone, worker = reports(limiter.command, *words)
    bars = with_bar(figures(alone))
    for processes in ("1 process", "8 processes"):
        assert bars[f"{processes}: of what the limiter allows"] == (">=", 0.98)
        assert bars[f"{processes}: calls over the limit"] == ("=", 0.0)
    assert with_bar(figures(worker)) == {"limited: of unlimited": ("<=", 1.5)}
