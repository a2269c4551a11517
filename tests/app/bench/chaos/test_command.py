from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.bench.chaos import command
from app.bench.chaos.calm import Drained
from app.bench.chaos.checks import Breach, Rule
from app.bench.chaos.trial import Outcome
from app.bench.load import Side

GOOD = Outcome(
    seed=5,
    written={Side.CUSTOMER: 10, Side.AGENT: 8},
    breaches=[],
    stories=[],
    raged=61.0,
    drained=Drained(9.0, 8.0, ""),
    missing=[],
    killed=13,
    dead_letters=0,
    late=2,
    resent=1,
    in_doubt=1,
    folder=Path("/nowhere"),
)


def test_the_plan_is_printed_and_nothing_done() -> None:
    run = CliRunner().invoke(command.command, ["--plan", "--seeds", "2", "--first-seed", "40", "--messages", "20"])
    assert run.exit_code == 0, run.output
    assert "seed 40" in run.output
    assert "seed 41" in run.output
    assert "kill -9 of all roles at once" in run.output
    assert "hot-1 customer 1 " in run.output


def test_seeds_without_a_breach_make_a_table_without_one() -> None:
    found = command.report([GOOD, replace(GOOD, seed=6)], "postgresql, redis")
    assert not found.is_breach
    assert found.notes == []
    assert {one.name: one.median for one in found.figures}["customers' messages"] == 20


@pytest.mark.parametrize(
    "outcome",
    [
        replace(GOOD, breaches=[Breach(Rule.LOST, "hot-1 customer 3", "it did not arrive")]),
        replace(GOOD, missing=["web 1"]),
        replace(GOOD, drained=Drained(180.0, 0.0, "1 messages pending")),
        replace(GOOD, drained=Drained(30.0, 15.0, "")),
        replace(GOOD, resent=2),
    ],
)
def test_one_breach_in_one_of_many_seeds_is_one_too_many(outcome: Outcome) -> None:
    assert command.report([GOOD, GOOD, GOOD, outcome], "postgresql, redis").is_breach


def test_a_breach_is_told_with_its_seed_its_message_and_its_story() -> None:
    broken = replace(
        GOOD,
        breaches=[Breach(Rule.ORDER, "hot-1 customer 3", "it came after 4")],
        stories=["hot-1 customer 3: message 7"],
    )
    notes = command.report([GOOD, broken], "postgresql, redis").notes
    assert notes == ["seed 5: out of order in a lane: hot-1 customer 3: it came after 4", "hot-1 customer 3: message 7"]
