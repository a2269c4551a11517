"""The scheduler's work: ring what is due, and sweep up what nobody finished. Two or more may run.

Reads first and writes only when there is something to do, so that an idle relay holds no lock.
"""

from __future__ import annotations

import time

from app import logs, metrics
from app.relay import authority, breaker, ending, receipts, removal, silence
from app.relay.attachments.sweeping import sweep
from app.relay.outbound import UNKNOWN
from app.relay.services import Services
from app.relay.shares import Choice, Shares, choose
from app.relay.verdict import MAY_HAVE_ARRIVED
from app.storage import accounts, conversations, deadlines, media, messages, retention, rings, stored_media
from app.storage import receipts as receipt_rows
from app.storage.accounts import AccountRow
from app.storage.database import Connection, DatabaseAway
from app.storage.messages import Head

#: Seconds between two looks: often while some lane waits for its slot or for room in a share, else every second.
_OFTEN = 0.05
_SELDOM = 1.0
#: Between two looks in a hurry lies so many times the time that a look takes.
_REST = 4.0
#: Attachments, deadlines and receipts that one look may sweep.
_BATCH = 500
#: Receipts that nobody claims are kept for 48 hours.
_RECEIPTS_KEPT = 48 * 3600.0
#: What HubSpot tells of conversations that may become ours, once our own call has told their id.
_STRANGERS_KEPT = 3600.0
_DAY = 86_400.0

log = logs.get_logger(__name__)


def look(services: Services) -> float:
    """Look once. Returns the seconds until the next look: never so few that looking is most of the work."""
    started = time.monotonic()
    breaker.grant_probes(services)
    choice = ring_due(services)
    ring_media(services)
    expire(services)
    match_orphans(services)
    with services.database.read() as connection:
        slot_in = rings.next_slot_in(connection)
    soon = _OFTEN if choice.passed_over else _SELDOM
    soon = soon if slot_in is None else min(max(slot_in, _OFTEN), soon)
    return min(max(soon, _REST * (time.monotonic() - started)), _SELDOM)


def ring_due(services: Services) -> Choice:
    """Ring for due lanes, the longest due first, within each portal's and account's share. Returns what was chosen."""
    shares = Shares.of(services.settings)
    with services.database.read() as connection:
        due = rings.due(connection, each=shares.largest)
        busy = rings.in_flight(connection) if due else []
        full = rings.full(connection)
    choice = choose(due, busy, shares)
    if choice.lanes or choice.full != full:
        with services.database.write() as connection:
            rung = rings.mark_rung(connection, [lane.id for lane in choice.lanes])
            rings.set_full(connection, choice.full)
        for lane_id in rung:
            services.doorbell.ring(lane_id)
    return choice


def ring_media(services: Services) -> int:
    """Ring for attachments that are due. Returns how many."""
    with services.database.read() as connection:
        due = media.due(connection, limit=_BATCH)
    if due:
        with services.database.write() as connection:
            media.mark_rung(connection, due)
        for media_id in due:
            services.doorbell.ring_media(media_id)
    return len(due)


def expire(services: Services) -> int:
    """Fail agents' messages whose deadline is over, so that every one has a verdict. Returns how many."""
    with services.database.read() as connection:
        overdue = deadlines.overdue(connection, limit=_BATCH)
    return sum(_expire_readable(services, message_id) for message_id in overdue)


def _expire_readable(services: Services, message_id: int) -> bool:
    """Fail one message; one that this release cannot read is left to the release that can, and stops no other."""
    try:
        return _expire_one(services, message_id)
    except DatabaseAway:
        raise
    except Exception:
        log.exception("message_not_expired", message=message_id)
        return False


def _expire_one(services: Services, message_id: int) -> bool:
    with services.database.write() as connection:
        head = messages.get(connection, message_id)
        account = accounts.get(connection, head.account_id) if head is not None else None
        if head is None or account is None:
            return False
        hint = _why_overdue(connection, head, account, minutes=max(1, round(services.settings.deadline / 60)))
        ring = ending.expire(connection, account, head, reason="deadline", hint=hint)
    for lane_id in ring:
        services.doorbell.ring(lane_id)
    log.warning("message_expired", message=message_id, hint=hint)
    return True


def _why_overdue(connection: Connection, head: Head, account: AccountRow, *, minutes: int) -> str:
    """Tell the agent what stood in the way, and whether the message may have been sent all the same."""
    if head.calling is not None or any(part.state == UNKNOWN for part in head.parts):
        return f"Nobody could find out within {minutes} min whether this message was sent. {MAY_HAVE_ARRIVED}"
    why = head.hint or account.service_hint or account.hint or breaker.why_stopped(connection, account)
    return f"This message could not be sent within {minutes} min. {why}".strip()


def tend(services: Services) -> None:
    """Cancel what removed accounts have queued, tell HubSpot whose credentials do not work, and delete old files."""
    removal.cancel_queued(services)
    authority.compare(services)
    sweep(services)


def match_orphans(services: Services) -> int:
    """Match receipts whose two sides both died before they looked for each other. Returns how many."""
    with services.database.read() as connection:
        orphans = receipt_rows.orphans(connection, limit=_BATCH)
    return sum(receipts.match(services, account_id, [service_id]) for account_id, service_id in orphans)


def clean_up(services: Services) -> None:
    """Forget what is old: receipts nobody claimed, strangers' events, and what finished before the retention time."""
    with services.database.write() as connection:
        receipt_rows.forget_old(connection, age=_RECEIPTS_KEPT)
        conversations.forget_strangers(connection, age=_STRANGERS_KEPT)
    age = services.settings.retention_days * _DAY
    while True:
        with services.database.write() as connection:
            forgotten = retention.forget(connection, age=age, limit=_BATCH)
        if forgotten < _BATCH:
            return


def measure(services: Services) -> None:
    """Put the backlog into the metrics, and watch for signs of an outage."""
    silence.watch(services)
    with services.database.read() as connection:
        due, oldest = rings.backlog(connection)
        paused = accounts.paused_count(connection)
        breaker.measure(connection)
        kept = stored_media.total(connection)
    metrics.LANES_DUE.set(due)
    metrics.OLDEST_DUE_SECONDS.set(oldest)
    metrics.PAUSED_ACCOUNTS.set(paused)
    metrics.MEDIA_KEPT_BYTES.set(kept)
