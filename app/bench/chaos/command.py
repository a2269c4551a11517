"""``relay bench chaos``: the promises under kills, wipes and faults, seed by seed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

import click

from app import logs
from app.bench.chaos import checks, plan, trial
from app.bench.chaos.checks import Breach
from app.bench.chaos.trial import Outcome
from app.bench.cluster import BrokerKind, DatabaseKind
from app.bench.load import Side
from app.bench.report import Bar, Figure, Report, count, show
from app.settings import load

#: All is done within a lease and so many seconds after the last fault, beyond the waits that it had begun.
_SWEEP = 10.0
_CASES = 20


@click.command("chaos")
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="How many seeds to run.")
@click.option("--first-seed", type=int, default=1, show_default=True, help="The first of them.")
@click.option("--seconds", type=float, default=60.0, show_default=True, help="How long people write and things die.")
@click.option("--messages", type=click.IntRange(1), default=2500, show_default=True, help="Messages each way.")
@click.option("--cold", type=click.IntRange(1), default=plan.COLD_LANES, show_default=True, help="Cold conversations.")
@click.option("--database", type=click.Choice(list(map(str, DatabaseKind))), default=str(DatabaseKind.POSTGRESQL))
@click.option("--broker", type=click.Choice(list(map(str, BrokerKind))), default=str(BrokerKind.REDIS))
@click.option("--plan", "only_plan", is_flag=True, help="Print what would happen, and do nothing.")
@click.option("--keep", is_flag=True, help="Keep the folder of a seed with a breach: logs, and the database if SQLite.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    seeds: int,
    first_seed: int,
    seconds: float,
    messages: int,
    cold: int,
    database: str,
    broker: str,
    only_plan: bool,
    keep: bool,
    as_json: bool,
) -> None:
    """Kill, wipe and slow down everything at random while both sides write, then compare what they hold.

    A seed gives the same plan each time. Exit status 1 on any breach.
    """
    logs.configure(load(log_level="ERROR"), [])  # each death would be a line: they are what this is about
    size = plan.Size(seconds, messages, cold=cold)
    plans = [plan.make(first_seed + at, size, database=database, broker=broker) for at in range(seeds)]
    if only_plan:
        for one in plans:
            click.echo(one.as_text())
        return
    outcomes = []
    for one in plans:
        outcomes.append(trial.run(one, database=database, broker=broker, keep=keep))
        click.echo("\n".join([_line(outcomes[-1]), *_notes(outcomes[-1])]), err=True)
        if not outcomes[-1].is_breach:
            shutil.rmtree(outcomes[-1].folder, ignore_errors=True)
    sys.exit(show([report(outcomes, f"{database}, {broker}")], as_json=as_json))


def report(outcomes: Sequence[Outcome], where: str) -> Report:
    """Return one table over all seeds: sums, because one breach in one seed is one too many."""
    broken = checks.counted([breach for one in outcomes for breach in one.breaches])
    beyond = max(one.drained.beyond for one in outcomes)
    figures = [
        count("seeds", len(outcomes)),
        count("customers' messages", sum(one.written[Side.CUSTOMER] for one in outcomes)),
        count("agents' messages", sum(one.written[Side.AGENT] for one in outcomes)),
        count("processes killed", sum(one.killed for one in outcomes)),
        *(count(str(rule), cases, must_be=0) for rule, cases in broken.items()),
        _at_most(
            "resent where there is no idempotency, at most as often as in doubt",
            sum(one.resent for one in outcomes),
            sum(one.in_doubt for one in outcomes),
        ),
        count("dead letters after two crashes", sum(one.dead_letters for one in outcomes)),
        count("came after a later one had gone", sum(one.late for one in outcomes)),
        Figure("all written and struck after", [one.raged for one in outcomes], "s"),
        Figure("all done after the last fault", [one.drained.seconds for one in outcomes], "s"),
        Figure("of it waits that had begun", [one.drained.waits for one in outcomes], "s"),
        _at_most("beyond them, slowest seed", beyond, plan.LEASE + _SWEEP, "s"),
        count("seeds with something left undone", sum(bool(one.drained.left) for one in outcomes), must_be=0),
        count("roles not back", sum(len(one.missing) for one in outcomes), must_be=0),
    ]
    return Report(f"Chaos on {where}", figures, [note for one in outcomes for note in _notes(one)])


def _at_most(name: str, value: float, limit: float, unit: str = "") -> Figure:
    return Figure(name, [value], unit, Bar.AT_MOST, limit)


def _notes(outcome: Outcome) -> list[str]:
    """Say what a breach was, and how to see it again."""
    cases = [_case(one) for one in outcome.breaches[:_CASES]]
    more = len(outcome.breaches) - len(cases)
    if more > 0:
        cases.append(f"and {more} more")
    if outcome.drained.left:
        cases.append(f"left undone: {outcome.drained.left}")
    cases += [f"not back: {one}" for one in outcome.missing]
    if not cases:
        return []
    kept = [f"seed {outcome.seed}: logs in {outcome.folder}"] if outcome.folder.exists() else []
    return [*kept, *(f"seed {outcome.seed}: {one}" for one in cases), *outcome.stories]


def _case(breach: Breach) -> str:
    return f"{breach.rule}: {breach.subject}: {breach.told}"


def _line(outcome: Outcome) -> str:
    """Return what is said when a seed is over."""
    drained = outcome.drained
    verdict = "BREACH" if outcome.is_breach else "ok"
    return (
        f"seed {outcome.seed}: {verdict}, {outcome.killed} processes killed, {outcome.resent} resent of "
        f"{outcome.in_doubt} in doubt, all done after {drained.seconds:.1f} s ({drained.waits:.1f} s of it waits)"
    )
