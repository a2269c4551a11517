from __future__ import annotations

import json
from functools import partial

import pytest
from click.testing import CliRunner, Result

from app.bench.report import BREACH, Report, count
from app.bench.trials import command
from app.bench.trials.trial import Options, Trial

LOST = {"calm": 0, "stormy": 3}


class Recorded:
    """Two trials that start nothing: ``calm`` keeps its promise, ``stormy`` does not."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, Options]] = []

    def trials(self) -> dict[str, Trial]:
        return {name: Trial(name, f"the {name} one", partial(self._run, name)) for name in LOST}

    def _run(self, name: str, options: Options) -> Report:
        self.ran.append((name, options))
        return Report(name.title(), [count("lost", LOST[name], must_be=0)])


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    recorded = Recorded()
    monkeypatch.setattr(command, "trials", recorded.trials)
    return recorded


def run(*words: str) -> Result:
    return CliRunner().invoke(command.command, words)


def test_all_are_run_one_after_another_and_a_breach_ends_with_status_1(recorded: Recorded) -> None:
    result = run()
    assert [name for name, _ in recorded.ran] == ["calm", "stormy"]
    assert result.exit_code == BREACH
    assert "BREACH" in result.stdout


def test_one_is_run_as_it_is_asked_for(recorded: Recorded) -> None:
    assert run("calm", "--database", "sqlite", "--broker", "embedded", "--scale", "0.1").exit_code == 0
    assert recorded.ran == [("calm", Options("sqlite", "embedded", 0.1))]


def test_json_stands_alone_on_the_output(recorded: Recorded) -> None:
    reports = json.loads(run("calm", "stormy", "--json").stdout)
    assert [one["breach"] for one in reports] == [False, True]
    assert len(recorded.ran) == 2


def test_an_unknown_name_is_wrong_usage_and_says_which_there_are(recorded: Recorded) -> None:
    result = run("calm", "windy")
    assert result.exit_code == 2
    assert "There are: calm, stormy." in result.stderr
    assert recorded.ran == []


@pytest.mark.usefixtures("recorded")
def test_the_help_lists_them() -> None:
    assert "the stormy one" in run("--help").stdout
