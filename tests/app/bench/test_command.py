from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from app.bench import command
from app.bench.command import COMMANDS, bench
from app.bench.failure import BenchFailed


@click.command()
def failing() -> None:
    raise BenchFailed("Of 4 messages 1 arrived.")


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever measures on this machine is not waited for."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Mapping[str, tuple[str, str]] = {"failing": (f"{__name__}:failing", "Fails.")}
    monkeypatch.setattr(command, "COMMANDS", found)
    monkeypatch.setattr(command, "import_module", lambda _: SimpleNamespace(failing=failing))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_benchmark_is_there_and_prints_json(name: str) -> None:
    result = CliRunner().invoke(bench, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "--json" in result.output


def test_the_list_says_what_each_measures() -> None:
    output = CliRunner().invoke(bench, ["--help"]).output
    assert all(name in output for name in COMMANDS)


def test_one_that_is_not_there_is_wrong_usage() -> None:
    assert CliRunner().invoke(bench, ["nothing"]).exit_code == 2


@pytest.mark.usefixtures("one_that_fails")
def test_what_stood_in_the_way_is_one_sentence() -> None:
    result = CliRunner().invoke(bench, ["failing"])
    assert result.exit_code == 1
    assert result.output == "Error: Of 4 messages 1 arrived.\n"
