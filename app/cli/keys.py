"""``relay keys``: the keys that seal tokens and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.output import FAILED, json_option, print_fields, print_json
from app.cli.session import open_services

if TYPE_CHECKING:
    from app.relay.keys import Survey


@click.group()
def keys() -> None:
    """Look after the keys of RELAY_SECRET_KEYS, which seal tokens and credentials."""


@keys.command()
@json_option
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Say which keys are in use. Exit status 1 when something is sealed with a key that is not there."""
    from app.relay import keys as use  # noqa: PLC0415 - with Celery; `relay --help` does without

    with open_services() as services:
        found = use.survey(services)
        known = services.vault.ids
    fields: dict[str, object] = {
        "newest": found.newest,
        "sealed_by_newest": found.counts.get(found.newest, 0),
        "sealed_by_older": sum(count for key, count in found.counts.items() if key in known[1:]),
        "not_opened": len(found.closed),
        "journal_waiting": found.journal,
        "older_keys_may_go": found.is_done,
    }
    if as_json:
        print_json({**fields, "counts": dict(found.counts), "problems": found.closed})
    else:
        print_fields(fields, as_json=False)
        for sentence in found.closed:
            click.echo(f"relay: {sentence}", err=True)
    ctx.exit(FAILED if found.closed else 0)


@keys.command()
@json_option
@click.pass_context
def rotate(ctx: click.Context, *, as_json: bool) -> None:
    """Seal everything anew with the newest key, while all processes run. They have to know it already."""
    from app.relay import keys as use  # noqa: PLC0415 - likewise

    with open_services() as services:
        done = use.rotate(services)
        found = use.survey(services)
    if as_json:
        print_json({"sealed_anew": done, "not_opened": len(found.closed), "older_keys_may_go": found.is_done})
    else:
        click.echo(f"{done} secrets were sealed anew, {found.total} are stored. {_what_next(found)}")
        for sentence in found.closed:
            click.echo(f"relay: {sentence}", err=True)
    ctx.exit(FAILED if found.closed else 0)


def _what_next(found: Survey) -> str:
    if found.closed:
        return f"{len(found.closed)} cannot be opened:"
    if found.old:
        return "Some changed meanwhile: run it once more."
    if found.journal:
        return f"Keep the older keys until {found.journal} requests in the journal are stored."
    return "The older keys can be removed from RELAY_SECRET_KEYS."
