"""``relay portals``: HubSpot accounts."""

from __future__ import annotations

import click

from app.cli.options import ID
from app.cli.output import given, json_option, print_json, print_rows
from app.cli.session import open_database, open_services
from app.relay.spans import distance
from app.storage import portals as rows
from app.storage import search


@click.group()
def portals() -> None:
    """List, add, pause and resume HubSpot accounts."""


@portals.command(name="list")
@json_option
def list_portals(as_json: bool) -> None:  # noqa: FBT001 - click's signature, here and below
    """List the portals."""
    with open_database() as database, database.read() as connection:
        counts = search.accounts_by_portal(connection)
        found = rows.every(connection)
    lines = [
        {
            "id": one.id,
            "name": one.name,
            "state": one.state,
            "accounts": counts.get(one.id, 0),
            "access_token": f"expires {distance(one.expires_in)}" if one.access_token else "not fetched yet",
            "hint": one.hint,
        }
        for one in found
    ]
    columns = ("id", "name", "state", "accounts", "access_token", "hint")
    print_rows(lines, columns, as_json=as_json, empty="No portal is known: `relay portals add` adds one.")


@portals.command()
@click.argument("portal_id", metavar="ID", type=ID)
@click.option("--refresh-token", required=True, help="OAuth refresh token; @FILE reads it from a file.")
@click.option("--name", default="", help="How listings call it.")
@click.option("--test/--no-test", default=True, show_default=True, help="Ask HubSpot first whether the token works.")
@json_option
def add(portal_id: int, refresh_token: str, name: str, *, test: bool, as_json: bool) -> None:
    """Add a portal, or give a known one a new refresh token. Its accounts and queued messages are kept."""
    from app.relay import portals as use  # noqa: PLC0415 - with Celery; the listing does without

    token = given(refresh_token)
    with open_services() as services:
        is_new = use.add(services, portal_id, token, name=name, test=test)
    if as_json:
        print_json({"id": portal_id, "new": is_new, "tested": test})
    else:
        click.echo(f"Portal {portal_id} was {'added' if is_new else 'given a new token'}.")


@portals.command()
@click.argument("portal_id", metavar="ID", type=ID)
def pause(portal_id: int) -> None:
    """Stop everything of a portal; what comes in is stored and waits."""
    from app.relay import portals as use  # noqa: PLC0415 - likewise

    with open_services() as services:
        use.pause(services, portal_id)
    click.echo(f"Portal {portal_id} is paused.")


@portals.command()
@click.argument("portal_id", metavar="ID", type=ID)
def resume(portal_id: int) -> None:
    """Let a portal run again."""
    from app.relay import portals as use  # noqa: PLC0415 - likewise

    with open_services() as services:
        use.resume(services, portal_id)
    click.echo(f"Portal {portal_id} runs.")
