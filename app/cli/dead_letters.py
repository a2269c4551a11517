"""``relay dead-letters``: messages that need a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import click

from app.cli.options import ID, Time, account_option, limit_option, since_option, thread_option
from app.cli.output import Failure, Moment, json_option, print_json, print_rows
from app.cli.session import open_database, open_services
from app.storage import lanes, search
from app.storage.database import Connection
from app.storage.search import DeadLetterFilter, DeadLetterRow

Command = TypeVar("Command", bound=Callable[..., Any])

_COLUMNS = ("message_id", "account", "direction", "created_at", "reason", "holds_lane", "hint")
#: A replay or drop takes so many at once; the next call takes the next.
_BATCH = 10_000


def _filters(command: Command) -> Command:
    """Give a command the options that choose dead letters."""
    until = click.option("--until", type=Time(), help="Died before: 30m, 2h, 3d or a date and time.")
    reason = click.option("--reason", help="Only with this reason, such as message_invalid.")
    for option in (until, since_option, reason, thread_option, account_option):
        command = option(command)
    return command


@click.group(name="dead-letters")
def dead_letters() -> None:
    """See, replay and drop messages that need a person."""


@dead_letters.command(name="list")
@_filters
@limit_option(100)
@json_option
def list_dead_letters(*, limit: int, as_json: bool, **chosen: Any) -> None:
    """List dead letters, in the order in which they would be replayed."""
    with open_database() as database, database.read() as connection:
        now = lanes.clock(connection)
        lines = [_line(row, now) for row in search.find_dead_letters(connection, _wanted(**chosen), limit=limit)]
    print_rows(lines, _COLUMNS, as_json=as_json, empty="No message needs a person.")


@dead_letters.command()
@click.argument("message_ids", metavar="[ID]...", type=ID, nargs=-1)
@_filters
@click.option("--all", "every", is_flag=True, help="All of them.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
def replay(*, message_ids: tuple[int, ...], every: bool, dry_run: bool, as_json: bool, **chosen: Any) -> None:
    """Send dead letters once more, in their original order: those named, or all that the options choose."""
    from app.relay.replay import replay as send  # noqa: PLC0415 - with Celery; the listing does without

    with open_services() as services:
        ids = _chosen(services.database.read, message_ids, every=every, **chosen)
        for message_id in () if dry_run else ids:
            send(services, message_id)
    _report(ids, "would be sent again" if dry_run else "on their way again", as_json=as_json, dry_run=dry_run)


@dead_letters.command()
@click.argument("message_ids", metavar="[ID]...", type=ID, nargs=-1)
@_filters
@click.option("--all", "every", is_flag=True, help="All of them.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
def drop(*, message_ids: tuple[int, ...], every: bool, dry_run: bool, as_json: bool, **chosen: Any) -> None:
    """Give dead letters up: they stay failed, and lanes that they held go on."""
    from app.relay.replay import drop as give_up  # noqa: PLC0415 - likewise

    with open_services() as services:
        ids = _chosen(services.database.read, message_ids, every=every, **chosen)
        for message_id in () if dry_run else ids:
            give_up(services, message_id)
    _report(ids, "would be given up" if dry_run else "given up", as_json=as_json, dry_run=dry_run)


def _wanted(
    *, account: int | None, thread: str | None, reason: str | None, since: float | None, until: float | None
) -> DeadLetterFilter:
    return DeadLetterFilter(account, thread, reason, since, until)


def _line(row: DeadLetterRow, now: float) -> dict[str, object]:
    return {**asdict(row), "created_at": Moment(row.created_at, now)}


def _chosen(read: Callable[[], Any], message_ids: Sequence[int], *, every: bool, **chosen: Any) -> list[int]:
    """Return the dead letters that are meant, in the order of their replay.

    Raises:
        click.UsageError: none are meant, or in two ways at once.
        Failure: one that is named is no dead letter.
    """
    filtered = any(value is not None for value in chosen.values())
    if sum((bool(message_ids), every, filtered)) != 1:
        raise click.UsageError("Name messages, or choose them by options, or take --all.")
    with read() as connection:
        found = _ids(connection, _wanted(**chosen))
    missing = sorted(set(message_ids) - set(found))
    if missing:
        raise Failure(f"Message {missing[0]} is no dead letter: `relay dead-letters list` shows them.")
    return [one for one in found if not message_ids or one in message_ids]


def _ids(connection: Connection, wanted: DeadLetterFilter) -> list[int]:
    return [one.message_id for one in search.find_dead_letters(connection, wanted, limit=_BATCH)]


def _report(ids: Sequence[int], what: str, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json({"messages": ids, "dry_run": dry_run})
    elif ids:
        click.echo(f"{len(ids)} {what}: {', '.join(map(str, ids))}.")
    else:
        click.echo("No message needs a person.")
