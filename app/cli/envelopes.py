"""``relay envelopes``: what came in and was not understood."""

from __future__ import annotations

import click

from app.cli.options import ID, limit_option
from app.cli.output import Failure, Moment, json_option, print_json, print_rows
from app.cli.session import open_database, open_services
from app.storage import envelopes as rows
from app.storage import lanes


@click.group()
def envelopes() -> None:
    """See what was not understood, and open it again after an upgrade."""


@envelopes.command(name="list")
@limit_option(100)
@json_option
def list_envelopes(*, limit: int, as_json: bool) -> None:
    """List the items that were not understood, the newest first."""
    with open_database() as database, database.read() as connection:
        now = lanes.clock(connection)
        lines = [
            {
                "envelope_id": one.envelope_id,
                "source": one.source,
                "account": one.account,
                "reason": one.reason,
                "created_at": Moment(one.created_at, now),
            }
            for one in rows.unopened_items(connection, limit=limit)
        ]
    columns = ("envelope_id", "source", "account", "created_at", "reason")
    print_rows(lines, columns, as_json=as_json, empty="Everything that came in was understood.")


@envelopes.command(name="open")
@click.argument("envelope_id", metavar="[ID]", type=ID, required=False)
@click.option("--all", "every", is_flag=True, help="All that hold something unopened.")
@json_option
def open_(envelope_id: int | None, *, every: bool, as_json: bool) -> None:
    """Open an envelope again. What was understood the first time is passed over."""
    from app.relay import accept  # noqa: PLC0415 - with Celery; the listing does without

    if (envelope_id is None) is not every:
        raise click.UsageError("Name one envelope, or --all.")
    with open_services() as services:
        with services.database.read() as connection:
            ids = rows.unopened_envelopes(connection) if envelope_id is None else [envelope_id]
        opened = {one: accept.open_again(services, one) for one in ids}
    if envelope_id is not None and opened[envelope_id] is None:
        raise Failure(f"There is no envelope {envelope_id}: `relay envelopes list` shows those there are.")
    lines = [
        {"envelope_id": one, "messages": len(found.messages), "unopened": found.unopened}
        for one, found in opened.items()
        if found is not None
    ]
    if as_json:
        print_json(lines)
        return
    for line in lines:
        click.echo("Envelope {envelope_id}: {messages} new messages, {unopened} items still unopened.".format(**line))
    if not lines:
        click.echo("No envelope holds anything unopened.")
