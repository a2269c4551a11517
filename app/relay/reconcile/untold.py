"""Verdicts that HubSpot does not show: told again where it forgot them, and told at last where nobody was to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app import logs, metrics
from app.domain.status import Status
from app.hubspot.conversations import ThreadMessage
from app.relay.reconcile.comparison import Comparison
from app.storage import lanes, ledger
from app.storage.ledger import Entry

#: What HubSpot shows of a message before it was told anything; of *sent* it shows nothing else afterwards.
_UNTOLD = frozenset({None, Status.SENT})
_VERDICTS = frozenset({Status.FAILED, Status.READ})

log = logs.get_logger(__name__)


def tell_again(run: Comparison, found: Iterable[ThreadMessage], known: Mapping[str, Entry]) -> None:
    """Tell HubSpot again what became of messages of a thread, where it does not show what it was told."""
    pairs = [(one, known[one.id]) for one in found if one.id in known]
    ids = [entry.message_id for one, entry in pairs if entry.told in _VERDICTS and one.status in _UNTOLD]
    run.report.untold += len(ids)
    if not ids or run.wish.dry_run:
        return
    with run.services.database.write() as connection:
        touched = ledger.tell_again(connection, ids)
        rung = [one.id for one in lanes.touch(connection, touched, lanes.clock(connection)) if one.ring]
    _filled(run, len(ids), rung)


def tell_forgotten(run: Comparison) -> None:
    """Wake the lanes of statuses that nothing would wake."""
    with run.services.database.read() as connection:
        idle = ledger.idle_status_lanes(connection, run.living)
    run.report.untold += sum(idle.values())
    if not idle or run.wish.dry_run:
        return
    with run.services.database.write() as connection:
        rung = [one.id for one in lanes.touch(connection, idle, lanes.clock(connection)) if one.ring]
    _filled(run, sum(idle.values()), rung)


def _filled(run: Comparison, count: int, rung: Iterable[int]) -> None:
    for lane_id in rung:
        run.services.doorbell.ring(lane_id)
    run.report.filled += count
    metrics.RECONCILED.labels(gap="untold").inc(count)
    log.info("statuses_reconciled", portal=run.report.portal, count=count)
