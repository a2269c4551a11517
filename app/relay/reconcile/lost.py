"""Ours that never arrived: what we published and HubSpot does not have any more is published again, with the same key.

What was deleted there on purpose is not: neither a message in the archive, nor anything of a conversation that is gone.
"""

from __future__ import annotations

from app import logs, metrics
from app.domain.account import RunState
from app.hubspot.outcomes import Gone
from app.relay.reconcile.comparison import Comparison
from app.relay.reconcile.report import Reason
from app.storage import lanes, ledger, messages
from app.storage.accounts import AccountRow
from app.storage.ledger import Published

#: Messages that are read at once.
_BATCH = 500
#: A message may be published so long after it was accepted (seconds): that is how long it is tried.
_LONGEST_ROAD = 2 * 86_400.0

log = logs.get_logger(__name__)


def fill(run: Comparison) -> None:
    """Publish again what HubSpot lost. After all threads were read."""
    since = run.report.since
    with run.services.database.read() as connection:
        after = ledger.first_since(connection, since - _LONGEST_ROAD)
        dead = ledger.dead_inbound(connection, run.living, since=since)
    for message_id, account_id in dead:
        run.leave(Reason.DEAD_LETTER, account_id, str(message_id))
    while True:
        with run.services.database.read() as connection:
            batch = ledger.published(connection, run.living, since=since, after=after, limit=_BATCH)
        for one in batch:
            _look_at(run, run.accounts[one.account_id], one)
        if len(batch) < _BATCH:
            return
        after = batch[-1].id


def _look_at(run: Comparison, account: AccountRow, published: Published) -> None:
    run.report.messages += published.hubspot_id not in run.seen.ids
    if published.hubspot_id in run.seen.ids:
        return
    if published.hubspot_id is None:
        _look_for(run, account, published)
    elif not _is_there(run, account, published.hubspot_id):
        run.report.never_arrived += 1
        reason = _why_left(run, account, published)
        if reason is None:
            run.fill(lambda: _publish_again(run, published))
        else:
            run.leave(reason, account.id, str(published.id))


def _look_for(run: Comparison, account: AccountRow, published: Published) -> None:
    """Find a message whose id HubSpot did not tell. Where it is not seen, its key asks: HubSpot takes it only once."""
    found = run.seen.find(account, published)
    if found is None:
        run.report.never_arrived += 1
        run.fill(lambda: _publish_again(run, published))
    elif not run.wish.dry_run:
        with run.services.database.write() as connection:
            messages.published_as(connection, published.id, found)


def _is_there(run: Comparison, account: AccountRow, hubspot_id: str) -> bool:
    """Ask for one message: its thread may not have been among those that were read."""
    try:
        run.paced(lambda: run.client.message(account.channel_id, hubspot_id))
    except Gone:
        return False
    return True


def _why_left(run: Comparison, account: AccountRow, published: Published) -> Reason | None:
    if RunState.PAUSED in {account.state, account.hubspot_state}:
        return Reason.ACCOUNT_PAUSED
    if published.hubspot_thread_id is None:
        return None
    thread = run.conversations.thread(published.hubspot_thread_id)
    if thread is None or thread.archived:
        return Reason.DELETED
    deleted = run.conversations.messages(thread.id, since=run.since, archived=True)
    return Reason.DELETED if published.hubspot_id in {one.id for one in deleted} else None


def _publish_again(run: Comparison, published: Published) -> bool:
    with run.services.database.write() as connection:
        lanes.wake(connection, published.lane_id)
        again = ledger.publish_again(connection, published)
    if again:
        run.services.doorbell.ring(published.lane_id)
        metrics.RECONCILED.labels(gap="never_arrived").inc()
        log.info("message_reconciled", gap="never_arrived", message=published.id, account=published.account_id)
    return again
