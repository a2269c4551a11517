"""The truth back to HubSpot: one lane a thread, one PATCH in flight, only the highest status of each message."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from app import logs, metrics
from app.domain.account import RunState
from app.domain.capability import UnknownOutcome
from app.domain.status import Status
from app.hubspot.outcomes import Gone
from app.limiter import Horizon
from app.relay import breaker, pace, pauses, tokens
from app.relay.pace import Slot
from app.relay.road import Park
from app.relay.services import Services
from app.relay.stored import until_stored
from app.relay.verdict import Next, Verdict, judge, spared
from app.storage import accounts, attempts, lanes, statuses
from app.storage.accounts import AccountRow, Side
from app.storage.attempts import Fact, Outcome, Purpose
from app.storage.database import Connection
from app.storage.lanes import Lane
from app.storage.statuses import Untold

#: HubSpot has no word for *delivered*: a message that was told as sent needs no second call for it.
_SAID_BY = {Status.DELIVERED: Status.SENT}

#: Paces a call: takes how a slot is reserved, returns how the lane waits for it, or None.
Pace = Callable[[Callable[[], Slot]], Park | None]

log = logs.get_logger(__name__)


def tell_next(services: Services, lane: Lane, pace_call: Pace) -> Park | None:
    """Tell HubSpot the next status of a lane. Returns how the lane rests, or None when there may be more to tell.

    ``pace_call`` takes how a slot is reserved, and returns how the lane waits for one.

    A repeated PATCH does no harm, so a worker that dies in it costs nothing but the time of its lease.
    """
    with services.database.read() as connection:
        wanted = statuses.next_untold(connection, lane.id)
        account = accounts.get(connection, lane.account_id)
    if wanted is None or account is None:
        return Park(None)
    untold = _step(wanted)
    if _SAID_BY.get(untold.want) is untold.told:
        with services.database.write() as connection:
            statuses.told(connection, untold.message_id, untold.want)
        return None
    park = pace_call(lambda: pace.hubspot(services, lane, horizon=Horizon.STATUSES))
    if park is not None:
        return park
    with services.database.write_one() as connection:
        if lanes.renew(connection, lane, lease=services.settings.lease) is None:
            return Park(0.0)
    return _tell(services, account, lane, untold)


def _step(untold: Untold) -> Untold:
    """Return what is told next: of a message that was called failed, that it was sent comes before that it was read.

    HubSpot documents no order; a failure that is taken back in one step may be ignored.
    """
    taken_back = untold.told is Status.FAILED and untold.want is Status.READ
    return replace(untold, want=Status.DELIVERED) if taken_back else untold


def _tell(services: Services, account: AccountRow, lane: Lane, untold: Untold) -> Park | None:
    started = time.monotonic()
    error: Exception | None = None
    try:
        client = tokens.client(services, account.portal_id)
        client.set_status(account.channel_id, untold.hubspot_id, untold.want, untold.sentence)
    except Gone:
        log.info("status_of_a_message_that_is_gone", message=untold.message_id)
    except Exception as caught:  # noqa: BLE001 - judged below, so that no status blocks its lane
        error = caught
    duration = time.monotonic() - started
    if error is None:
        _record(services, untold, Fact(Outcome.OK, duration, code=untold.want.value))
        if account.troubled:
            breaker.succeeded(services, account, lane)
        return None
    return _failed(services, account, lane, untold=untold, error=error, duration=duration)


def _record(services: Services, untold: Untold, fact: Fact) -> None:
    def record(connection: Connection) -> None:
        statuses.told(connection, untold.message_id, untold.want)
        attempts.record(connection, untold.message_id, purpose=Purpose.STATUS, fact=fact, worker=services.name)

    until_stored(services.database, record)
    metrics.CALLS.labels(api="hubspot", outcome=fact.outcome.value).inc()
    metrics.CALL_SECONDS.labels(api="hubspot").observe(fact.duration)
    log.info("status_told", message=untold.message_id, status=untold.want.value)


def _of_removed(account: AccountRow, verdict: Verdict) -> Verdict:
    """Return what a refusal means: for an account that is gone at HubSpot there is nothing to pause."""
    given_up = account.state is RunState.PURGED and verdict.next is Next.PAUSE_ACCOUNT
    return replace(verdict, next=Next.FAIL) if given_up else verdict


def _failed(
    services: Services, account: AccountRow, lane: Lane, *, untold: Untold, error: Exception, duration: float
) -> Park | None:
    """Carry out what a failed PATCH means. A status that HubSpot refuses for good is given up and logged."""

    def record(connection: Connection) -> tuple[Verdict, Fact]:
        everybodys = breaker.failed(connection, account, lane, error, tries=untold.attempts)
        tries = 1 if everybodys else untold.attempts + 1
        verdict = judge(error, attempts=tries, repeatable=True, policy=UnknownOutcome.RESEND)
        verdict = _of_removed(account, spared(verdict) if everybodys else verdict)
        fact = Fact(verdict.outcome, duration, verdict.code, verdict.detail or verdict.hint)
        if verdict.pauses:
            pauses.pause(services, connection, account, side=Side.HUBSPOT, verdict=verdict)
        attempts.record(connection, untold.message_id, purpose=Purpose.STATUS, fact=fact, worker=services.name)
        if verdict.next is Next.FAIL:
            statuses.told(connection, untold.message_id, untold.want)
        elif verdict.next is Next.RETRY and not verdict.free:
            statuses.count_attempt(connection, untold.message_id)
        return verdict, fact

    verdict, fact = until_stored(services.database, record)
    metrics.CALLS.labels(api="hubspot", outcome=fact.outcome.value).inc()
    log.warning("status_not_told", message=untold.message_id, code=verdict.code, hint=verdict.hint)
    if verdict.slow_down:
        pace.penalise_hubspot(services, account.portal_id, verdict.delay)
    return None if verdict.next is Next.FAIL else Park(verdict.delay)
