"""``relay reconcile``: compare with HubSpot after an outage, and fill the gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from app.cli.options import ID, since_option
from app.cli.output import FAILED, Moment, json_option, print_json, print_rows
from app.cli.session import open_services
from app.relay.reconcile.report import SENTENCES, Report
from app.storage import lanes

_COLUMNS = (
    *("portal", "since", "threads", "messages", "never_came", "never_arrived", "untold", "filled"),
    *("left", "trouble"),
)


@click.command()
@click.option("--portal", type=ID, help="Only this portal.")
@since_option
@click.option("--dry-run", is_flag=True, help="Only say what is missing.")
@click.option("--older", is_flag=True, help="Send agents' messages above RELAY_RECONCILE_CUTOFF, too.")
@json_option
@click.pass_context
def reconcile(
    ctx: click.Context, *, portal: int | None, since: float | None, dry_run: bool, older: bool, as_json: bool
) -> None:
    """Compare with HubSpot after an outage, and fill the gaps. Exit status 1 when something could not be compared.

    Without --since from where the last comparison ended. Nothing is sent twice, however often it runs.
    """
    from app.relay.reconcile import reconcile as compare  # noqa: PLC0415
    from app.relay.reconcile.comparison import Wish  # noqa: PLC0415 - with the services: Celery is slow to import

    with open_services() as services:
        reports = compare(services, Wish(since=since, older=older, dry_run=dry_run), portal_id=portal)
        with services.database.read() as connection:
            now = lanes.clock(connection)
    if as_json:
        print_json([_fields(one, now) for one in reports])
    else:
        _show(reports, now)
    ctx.exit(FAILED if any(one.trouble for one in reports) else 0)


def _fields(report: Report, now: float) -> dict[str, object]:
    return {**asdict(report), "since": _since(report, now)}


def _show(reports: Sequence[Report], now: float) -> None:
    lines = [{**_fields(one, now), "left": _counts(one)} for one in reports]
    print_rows(lines, _COLUMNS, as_json=False, empty="No portal is connected: `relay portals add` adds one.")
    for reason in sorted({one.reason for report in reports for one in report.left}):
        click.echo(f"{reason.value}: {SENTENCES[reason]}.")


def _since(report: Report, now: float) -> Moment | None:
    return Moment(report.since, now) if report.since else None


def _counts(report: Report) -> str:
    return ", ".join(f"{count} {reason.value}" for reason, count in sorted(report.reasons.items()))
