"""Step 6: what customers attach is fetched from their service, made visible and stored in HubSpot's file manager.

Runs in the media queue, from acceptance on; the lane waits for it, other lanes do not.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import BinaryIO, cast

from app import logs, metrics
from app.connectors.base import FetchesMedia, MediaRequest
from app.domain.capability import UnknownOutcome
from app.errors import ContentUnsupported, MessageInvalid, RateLimited, ServiceUnavailable
from app.limiter import Horizon
from app.media import sniff
from app.media.convert import KEEPS_ORIGINAL, Caps, convert
from app.media.sniff import Found
from app.media.targets import HUBSPOT
from app.relay import pace, tokens
from app.relay.services import Services
from app.relay.verdict import Next, judge
from app.storage import accounts, lanes, media
from app.storage.accounts import AccountRow
from app.storage.media import Job

#: Bytes that are kept in memory before the spool file goes to disk.
_SPOOL = 1_000_000
#: A file is fetched and uploaded within this time (seconds), or tried again.
_TIMEOUT = 60.0
#: An upload waits so long (seconds) for its place among the portal's calls.
_PATIENCE = 10.0
#: A file that was tried so often is given up; the text goes with a sentence in its place.
_TRIES = 5
#: Folder of HubSpot's file manager that attachments are stored in.
_FOLDER = "/relay-attachments"
#: Answers to a request for bytes that say nothing about the bytes, as every 5xx does: asked again later.
_LATER = frozenset({401, 408, 409, 423, 425, 429})
_REDIRECTION = 300
#: A service may send on to where it keeps files; so many hops are followed.
_REDIRECTS = 3
_SERVER_ERROR = 500
#: While HubSpot refuses us a file waits for so long (seconds), and it costs no try: the account is paused meanwhile.
_REFUSED = 30.0

log = logs.get_logger(__name__)


def prepare(services: Services, media_id: int) -> bool:
    """Fetch one attachment and upload it. Returns False when there was nothing to do here."""
    with services.database.write() as connection:
        job = media.claim(connection, media_id, owner=services.name, lease=_lease(services))
        account = accounts.get(connection, job.account_id) if job is not None else None
    if job is None or account is None:
        return False
    with logs.bound(media=job.id, message=job.message_id, account=account.id):
        _prepare_claimed(services, job, account)
    return True


def _lease(services: Services) -> float:
    """Fetching, converting, waiting and uploading, one after the other."""
    return 2 * _TIMEOUT + services.settings.conversion_seconds + _PATIENCE


def _prepare_claimed(services: Services, job: Job, account: AccountRow) -> None:
    started = time.monotonic()
    try:
        with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
            file = cast("BinaryIO", spool)
            _fetch(services, job, account, target=file)
            _upload(services, job, account, file)
    except Exception as error:  # noqa: BLE001 - judged, so that no file blocks its message
        _failed(services, job, error)
    metrics.CALL_SECONDS.labels(api="media").observe(time.monotonic() - started)


def _fetch(services: Services, job: Job, account: AccountRow, *, target: BinaryIO) -> None:
    connector, opened = services.connector(account), services.opened(account)
    request = MediaRequest(job.attachment.source)
    if isinstance(connector, FetchesMedia):
        request = connector.media_request(job.attachment, opened, services.http)
    # An address in a message may be anybody's, and so may the service's, where it was entered in the connect window.
    # Only one that an operator named in the settings may be private, and it may not lead on to another.
    is_named = opened.api_url != "" and request.url.startswith(opened.api_url + "/")
    answer = services.http.download(
        request.url,
        target,
        headers=request.headers,
        limit=services.settings.media_limit,
        timeout=_TIMEOUT,
        public_only=not is_named,
        follow=0 if is_named else _REDIRECTS,
    )
    if answer.status in _LATER or answer.status >= _SERVER_ERROR:
        raise ServiceUnavailable(f"the service does not give it out now (status {answer.status})")
    if answer.status >= _REDIRECTION:
        raise MessageInvalid(f"the service does not give it out any more (status {answer.status})")


def _upload(services: Services, job: Job, account: AccountRow, spool: BinaryIO) -> None:
    given = job.attachment
    with ExitStack() as stack:
        found = sniff.identify(spool, name=given.name, said=given.mime, kind=given.kind)
        file, found = _visible(services, spool, found, until=stack)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        _take_turn(services, account.portal_id)
        client = tokens.client(services, account.portal_id)
        file_id = client.upload(file, name=found.name, mime=found.mime, folder=_FOLDER, timeout=_TIMEOUT)
    with services.database.write() as connection:
        lanes.wake(connection, job.lane_id)
        media.ready(connection, job, file_id=file_id, name=found.name, mime=found.mime, size=size)
    services.doorbell.ring(job.lane_id)
    metrics.MEDIA.labels(outcome="ready").inc()
    log.info("media_ready", size=size, mime=found.mime)


def _take_turn(services: Services, portal_id: int) -> None:
    """Wait for a place in the portal's budget, with the file at hand.

    Raises:
        RateLimited: there is none so soon; the file is fetched again later, which costs it no try.
    """
    if not pace.wait_for_portal(services, portal_id, horizon=Horizon.MESSAGES, patience=_PATIENCE):
        hint = "Messages take all calls that HubSpot allows this portal."
        raise RateLimited(hint, retry_after=_PATIENCE, code="no_room")


def _visible(services: Services, spool: BinaryIO, found: Found, *, until: ExitStack) -> tuple[BinaryIO, Found]:
    """Return what HubSpot shows of a file: itself, or what it is made into; that one lives as long as ``until``.

    A file that cannot be converted and does no harm is passed on as it is.
    """
    form = HUBSPOT.form(found)
    if form is None:
        return spool, found
    settings = services.settings
    bounds = replace(HUBSPOT.bounds, bytes=settings.media_limit)
    caps = Caps(seconds=settings.conversion_seconds, memory=settings.conversion_memory)
    try:
        done = until.enter_context(convert(spool, found.mime, form, bounds=bounds, caps=caps))
    except ContentUnsupported as error:
        metrics.CONVERSIONS.labels(form=form.value, outcome=error.reason).inc()
        if error.reason not in KEEPS_ORIGINAL:
            raise
        log.warning("media_not_converted", form=form.value, mime=found.mime, code=error.reason, detail=error.detail)
        return spool, found
    metrics.CONVERSIONS.labels(form=form.value, outcome="done").inc()
    return done.file, replace(found, mime=done.report.mime, name=sniff.rename(found.name, done.report.extension))


def _failed(services: Services, job: Job, error: Exception) -> None:
    verdict = judge(error, attempts=job.attempts, repeatable=True, policy=UnknownOutcome.RESEND)
    again = verdict.next is not Next.FAIL and (verdict.free or job.attempts <= _TRIES)
    delay = verdict.delay if verdict.next is Next.RETRY else _REFUSED
    with services.database.write() as connection:
        if again:
            media.again(connection, job, delay=max(delay, 1.0), free=verdict.free)
        else:
            lanes.wake(connection, job.lane_id)
            media.failed(connection, job, hint=verdict.hint.rstrip("."))
    if not again:
        services.doorbell.ring(job.lane_id)
    if verdict.code == "internal_error":
        log.error("media_raised", exc_info=error)
    metrics.MEDIA.labels(outcome="again" if again else "failed").inc()
    log.warning("media_failed", code=verdict.code, hint=verdict.hint, again=again)
