"""``relay bench trials``: the promises, each held against real processes under load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click
from typing_extensions import override

from app import logs
from app.bench.report import Report, show
from app.bench.trials.registry import trials
from app.bench.trials.trial import Options, Trial
from app.settings import load

DATABASES: Final = ("postgresql", "sqlite")
BROKERS: Final = ("redis", "embedded", "rabbitmq")


class _Trials(click.Command):
    """The command, whose help lists the trials."""

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Trials"):
            formatter.write_dl([(one.name, one.about) for one in trials().values()])


@click.command(name="trials", cls=_Trials)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--database", type=click.Choice(DATABASES), default=DATABASES[0], show_default=True)
@click.option("--broker", type=click.Choice(BROKERS), default=BROKERS[0], show_default=True)
@click.option("--scale", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, help="0.1: small.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_context
def command(
    ctx: click.Context, names: Sequence[str], *, database: str, broker: str, scale: float, as_json: bool
) -> None:
    """Hold promises of the relay against real processes under load: the named trials, or all, one after another.

    Each starts its own servers and ends them. Exit status 1 when a figure misses its bar.
    """
    logs.configure(load(log_level="ERROR"), [])  # each death would be a line: some trials are about them
    options = Options(database, broker, scale)
    reports = [_run(one, options) for one in _chosen(names)]
    ctx.exit(show(reports, as_json=as_json))


def _chosen(names: Sequence[str]) -> list[Trial]:
    """Return the named trials in the order of their names' mention, or all.

    Raises:
        click.UsageError: there is no such trial.
    """
    known = trials()
    for name in names:
        if name not in known:
            raise click.UsageError(f"There is no trial {name!r}. There are: {', '.join(known)}.")
    return [known[name] for name in names or known]


def _run(trial: Trial, options: Options) -> Report:
    """Run one trial, and say so: some take minutes."""
    click.echo(f"{trial.name}: {trial.about}", err=True)
    return trial.run(options)
