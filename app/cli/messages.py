"""``relay messages``: find, show and replay messages."""

from __future__ import annotations

from dataclasses import asdict

import click

from app.cli.options import ID, account_option, limit_option, since_option, thread_option
from app.cli.output import Failure, json_option, moment, print_fields, print_rows
from app.cli.session import open_database, open_services
from app.domain.message import Direction
from app.domain.status import Status
from app.storage import lanes, search
from app.storage import messages as rows
from app.storage.search import MessageFilter, MessageRow

_COLUMNS = (
    "id",
    "account",
    "direction",
    "kind",
    "status",
    "accepted_at",
    "thread_id",
    "service_id",
    "hubspot_id",
    "hint",
)
_TIMES = ("sent_at", "accepted_at", "not_before", "deadline_at", "finished_at", "erased_at")


@click.group()
def messages() -> None:
    """Find, show and replay messages. What they say is shown only by `show --text`."""


@messages.command(name="list")
@account_option
@thread_option
@click.option("--status", type=click.Choice([one.value for one in Status]), help="Only with this status.")
@click.option("--direction", type=click.Choice([one.value for one in Direction]), help="Only in this direction.")
@since_option
@limit_option(50)
@json_option
def list_messages(
    *,
    account: int | None,
    thread: str | None,
    status: str | None,
    direction: str | None,
    since: float | None,
    limit: int,
    as_json: bool,
) -> None:
    """List messages, the newest first."""
    wanted = MessageFilter(
        account_id=account,
        thread_id=thread,
        status=Status(status) if status else None,
        direction=Direction(direction) if direction else None,
        since=since,
    )
    with open_database() as database, database.read() as connection:
        now = lanes.clock(connection)
        lines = [fields(row, now) for row in search.find_messages(connection, wanted, limit=limit)]
    print_rows(lines, _COLUMNS, as_json=as_json, empty="No message is like that.")


@messages.command()
@click.argument("message_id", metavar="ID", type=ID)
@click.option("--text", is_flag=True, help="Show what the message says.")
@json_option
def show(message_id: int, *, text: bool, as_json: bool) -> None:
    """Show one message, by our id. `relay trace` takes any id and tells the whole story."""
    with open_database() as database, database.read() as connection:
        now = lanes.clock(connection)
        row, head = search.get_message(connection, message_id), rows.get(connection, message_id)
    if row is None or head is None:
        raise Failure(f"There is no message {message_id}: `relay trace {message_id}` looks for other ids.")
    shown = {**fields(row, now), "attachments": len(head.content.attachments), "parts": len(head.parts)}
    print_fields(shown | ({"text": head.content.text} if text else {}), as_json=as_json)


@messages.command()
@click.argument("message_ids", metavar="ID...", type=ID, nargs=-1, required=True)
def replay(message_ids: tuple[int, ...]) -> None:
    """Send messages that failed once more, in their old places."""
    from app.relay import replay as use  # noqa: PLC0415 - with Celery; the listings do without

    with open_services() as services:
        for message_id in sorted(set(message_ids)):
            use.replay(services, message_id)
            click.echo(f"Message {message_id} is on its way again.")


def fields(row: MessageRow, now: float) -> dict[str, object]:
    """Return a message as it is shown."""
    values = asdict(row)
    return {**values, **{name: moment(values[name], now) for name in _TIMES}}
