"""The media queue: an attachment is fetched, made into what the other side shows, and put where that side gets it.

Runs from acceptance on; the message's lane waits for it, other lanes do not.
"""

from __future__ import annotations

import tempfile
import time
from typing import BinaryIO, cast

from app import logs, metrics
from app.domain.capability import UnknownOutcome
from app.domain.message import Direction
from app.errors import ContentUnsupported
from app.relay.attachments import late, to_hubspot, to_service
from app.relay.attachments.fetching import TIMEOUT
from app.relay.services import Services
from app.relay.verdict import Next, Verdict, judge
from app.storage import accounts, lanes, media
from app.storage.accounts import AccountRow
from app.storage.database import Connection
from app.storage.media import InHubSpot, InStore, Job

#: Bytes that are kept in memory before the spool file goes to disk.
_SPOOL = 1_000_000
#: A file that was tried so often, or for so long (seconds), is given up; a sentence goes in its place.
_TRIES = 5
_LONGEST = 86_400.0
#: While HubSpot refuses us a file waits for so long (seconds), and it costs no try: the account is paused meanwhile.
_REFUSED = 30.0

log = logs.get_logger(__name__)


def prepare(services: Services, media_id: int) -> bool:
    """Prepare one attachment. Returns False when there was nothing to do here."""
    with services.database.write() as connection:
        job = media.claim(connection, media_id, owner=services.name, lease=_lease(services))
        account = accounts.get(connection, job.account_id) if job is not None else None
    if job is None or account is None:
        return False
    with logs.bound(media=job.id, message=job.message_id, account=account.id):
        _prepare_claimed(services, job, account)
    return True


def _lease(services: Services) -> float:
    """Fetching at two addresses, converting, waiting and uploading, one after the other."""
    return 3 * TIMEOUT + services.settings.conversion_seconds + to_hubspot.PATIENCE


def _prepare_claimed(services: Services, job: Job, account: AccountRow) -> None:
    road = to_hubspot if job.direction is Direction.INBOUND else to_service
    started = time.monotonic()
    try:
        _check_tries(job)
        with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
            done = road.bring(services, job, account, spool=cast("BinaryIO", spool))
        _finish(services, job, done)
    except Exception as error:  # noqa: BLE001 - judged, so that no file blocks its message
        _failed(services, job, error)
    metrics.CALL_SECONDS.labels(api="media").observe(time.monotonic() - started)


def _check_tries(job: Job) -> None:
    """Stop a file that kills its process: nobody lives to count such a try as failed.

    Raises:
        ContentUnsupported: it was begun too often.
    """
    if job.attempts > _TRIES + 1:
        raise ContentUnsupported("every try to prepare it was interrupted: ask for it to be sent in another form")


def _finish(services: Services, job: Job, done: InHubSpot | InStore) -> None:
    with services.database.write() as connection:
        lanes.wake(connection, job.lane_id)  # the lane is locked first, as everywhere
        if media.ready(connection, job, done):
            late.send(connection, job, deadline=services.settings.deadline)
    services.doorbell.ring(job.lane_id)
    metrics.MEDIA.labels(outcome="reused" if isinstance(done, InHubSpot) and done.reused else "ready").inc()
    log.info("media_ready", size=done.size, mime=done.mime)


def _failed(services: Services, job: Job, error: Exception) -> None:
    verdict = judge(error, attempts=job.attempts, repeatable=True, policy=UnknownOutcome.RESEND)
    with services.database.write() as connection:
        again = _may_come_again(verdict, job, media.age(connection, job))
        ring = _wait(connection, job, verdict) if again else _give_up(connection, job, verdict)
    for lane_id in ring:
        services.doorbell.ring(lane_id)
    if verdict.code == "internal_error":
        log.error("media_raised", exc_info=error)
    metrics.MEDIA.labels(outcome="again" if again else "failed").inc()
    log.warning("media_failed", code=verdict.code, hint=verdict.hint, again=again)


def _may_come_again(verdict: Verdict, job: Job, age: float) -> bool:
    return verdict.next is not Next.FAIL and (verdict.free or job.attempts <= _TRIES) and age < _LONGEST


def _wait(connection: Connection, job: Job, verdict: Verdict) -> list[int]:
    delay = verdict.delay if verdict.next is Next.RETRY else _REFUSED
    media.again(connection, job, delay=max(delay, 1.0), free=verdict.free)
    return []


def _give_up(connection: Connection, job: Job, verdict: Verdict) -> list[int]:
    lanes.wake(connection, job.lane_id)
    hint = verdict.hint.rstrip(".")
    is_late = media.failed(connection, job, hint=hint)
    return [job.lane_id, *(late.tell(connection, job, hint=hint) if is_late else [])]
