"""``relay doctor``: every check of the set-up with its fix."""

from __future__ import annotations

import click

from app import logs
from app.cli.output import FAILED, json_option, print_json, printable
from app.relay.doctor import examine
from app.relay.findings import Finding, Level
from app.settings import load, secrets


@click.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Check the whole set-up, with a fix for what is wrong. Exit status 1 when a check fails."""
    settings = load()
    # What a check finds is told below; the log's lines would say it twice.
    logs.configure(settings.model_copy(update={"log_level": "ERROR"}), secrets(settings))
    found = examine(settings)
    failed = sum(one.level is Level.FAIL for one in found)
    if as_json:
        print_json({"ok": not failed, "checks": found})
    else:
        _show(found, failed)
    ctx.exit(FAILED if failed else 0)


def _show(found: list[Finding], failed: int) -> None:
    width = max(len(one.check) for one in found)
    for one in found:
        click.echo(printable(f"{one.level:5} {one.check:{width}}  {one.sentence}"))
        if one.fix:
            click.echo(printable(f"{'':5} {'':{width}}  -> {one.fix}"))
    warned = sum(one.level is Level.WARN for one in found)
    click.echo(f"{len(found)} checks: {failed} failed, {warned} with a warning.")
