"""Receipts: a service's word about a message that we sent raises its status."""

from __future__ import annotations

from collections.abc import Sequence

from app import logs, metrics
from app.domain.status import Status
from app.relay.ending import touch_status_lanes
from app.relay.services import Services
from app.storage import dead_letters, lanes, messages, receipts, statuses
from app.storage.database import Connection, DatabaseAway
from app.storage.receipts import Match

log = logs.get_logger(__name__)


def match(services: Services, account_id: int, service_ids: Sequence[str]) -> int:
    """Match receipts with the messages that the service knows by these ids. Returns how many found theirs.

    Called after the commit of either side: of the receipt, and of the send. Whichever is last finds both. Locks in the
    order of everybody else: receipts ascending, then every status lane in one statement, then messages.
    """
    with services.database.read() as connection:
        if not receipts.are_waiting(connection, account_id, service_ids):
            return 0
    with services.database.write() as connection:
        found = sorted(receipts.matches(connection, account_id, service_ids), key=lambda one: one.receipt_id)
        taken = [one for one in found if receipts.matched(connection, one)]
        proven = [one for one in taken if one.failed_in is not None and one.status.rank > Status.FAILED.rank]
        held = {one.failed_in for one in proven if one.failed_in is not None}
        lane_of, rung = touch_status_lanes(connection, account_id, {one.thread_id for one in taken}, also=held)
        for one in proven:
            _settle(connection, one)
        for one in sorted(taken, key=lambda one: one.message_id):
            _raise(connection, one, lane_of[one.thread_id])
    for lane_id in rung:
        services.doorbell.ring(lane_id)
    return len(taken)


def match_quietly(services: Services, account_id: int, service_ids: Sequence[str]) -> None:
    """Match; a database that is away is left to the scheduler, because both facts are stored already."""
    if not service_ids:
        return
    try:
        match(services, account_id, service_ids)
    except DatabaseAway as error:
        log.warning("receipts_left_to_the_scheduler", account=account_id, error=type(error).__name__)


def _settle(connection: Connection, one: Match) -> None:
    """Let a dead letter that has arrived after all wait for nobody any more, and its lane go on."""
    lanes.unhold(connection, one.message_id)
    dead_letters.settle(connection, one.message_id)
    log.info("failed_message_has_arrived", message=one.message_id, status=one.status.value)


def _raise(connection: Connection, one: Match, lane_id: int) -> None:
    """Raise the message's status, and those of earlier ones that the receipt covers."""
    ids = [one.message_id]
    if one.covers_earlier and one.thread_id is not None:
        ids = messages.earlier_sent(connection, one.thread_id, one.message_id, below=one.status)
    for message_id in ids:
        if messages.rise(connection, message_id, one.status, hint=one.reason):
            sentence = one.reason or _SENTENCES.get(one.status, "")
            statuses.want(connection, message_id, lane_id, one.status, sentence=sentence)
            metrics.MESSAGES.labels(direction="outbound", status=one.status.value).inc()


_SENTENCES = {Status.FAILED: "The messaging service reports that this message could not be delivered."}
