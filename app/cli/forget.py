"""``relay forget``: erase what is stored of a conversation or a person."""

from __future__ import annotations

import click

from app.cli.options import account_option
from app.cli.output import Failure, json_option, print_fields
from app.cli.session import open_services
from app.storage import erasure


@click.command()
@click.argument("wanted", metavar="THREAD|PERSON")
@account_option
@click.option("--dry-run", is_flag=True, help="Only say which conversations would be erased.")
@json_option
def forget(wanted: str, *, account: int | None, dry_run: bool, as_json: bool) -> None:
    """Erase what is stored of a conversation or a person: texts, names, attachments, requests. Cancels what is queued.

    THREAD is any id of a conversation: ours, HubSpot's or the service's. PERSON is the address by which the service
    knows somebody. Ids and statuses stay, so that nothing is sent or published again.
    """
    from app.relay import forget as use  # noqa: PLC0415 - with Celery; --help does without

    with open_services() as services:
        with services.database.read() as connection:
            found = erasure.search(connection, wanted, account_id=account)
        if not found:
            raise Failure(f"No conversation here has the id {wanted}, and no person this address.")
        shown: dict[str, object] = {"threads": [one.id for one in found], "dry_run": dry_run}
        if not dry_run:
            done = use.forget(services, found)
            erased = done.erased
            shown |= {"messages": erased.messages, "cancelled": done.cancelled, "requests": erased.envelopes}
            shown |= {"unopened": erased.unopened, "hubspot_files": list(erased.files)}
    print_fields(shown, as_json=as_json)
