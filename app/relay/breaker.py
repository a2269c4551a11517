"""Breakers and the pauses of refused credentials: nobody calls, but for a probe now and then, until one succeeds.

A breaker opens after failures in three different lanes without a success between, or at once where the other side says
that it concerns everybody. What fails behind an open breaker costs no attempt. The probe is a message of a different
lane each time, so that one that always fails holds nothing open. Locked before lanes and messages, in each transaction.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from app import logs, metrics
from app.domain.lane import LaneKind
from app.errors import MediaNotReady, OutcomeUnknown, RateLimited, Transient
from app.relay.services import Services
from app.relay.stored import until_stored
from app.storage import accounts, breakers, lanes, portals, reconciled
from app.storage.accounts import AccountRow, Side
from app.storage.breakers import Breaker, Key, Scope
from app.storage.database import Connection

#: Failures in so many lanes open a breaker: one message that always fails stands in one lane.
LANES = 3
#: A message that was tried so often says nothing about others any more: three of them would open it again and again.
SUSPECT = 3
#: Seconds until the first probe of an API that failed, the second, ...; the last interval repeats.
PROBES = (5.0, 10.0, 20.0, 40.0, 60.0)
#: Likewise where credentials were refused: seldom, because mostly a person has to act, and tells us when it is done.
PROBES_OF_REFUSED = (60.0, 120.0, 300.0, 900.0)
#: Each interval is shortened or lengthened by up to this share.
_JITTER = 0.2
#: A probe that is not over so long after the longest call (seconds) came to nothing; another lane gets the next one.
_SLACK = 2.0
#: Where nothing waits behind a breaker, it is looked at again after this (seconds).
_NOBODY_WAITS = 5.0

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Trouble:
    """What a failed call says about the other side as a whole.

    ``everybody``: the other side said that nobody gets through; ``wait``: seconds that it asked for.
    """

    hint: str
    everybody: bool = False
    wait: float | None = None


def trouble(error: Exception) -> Trouble | None:
    """Return what a failed call says about the other side as a whole; None where it says nothing."""
    if isinstance(error, RateLimited | MediaNotReady):
        return None  # the limiter's business, and the media queue's
    if isinstance(error, Transient):
        return Trouble(logs.redact(error.hint), error.everybody, error.retry_after)
    return Trouble(logs.redact(error.hint)) if isinstance(error, OutcomeUnknown) else None


def failed(connection: Connection, account: AccountRow, lane: lanes.Lane, error: Exception, *, tries: int) -> bool:
    """Count a failed call. Returns True when the breaker is open now: the attempt was not the message's own trouble.

    ``tries``: how often the message was tried before while it was closed.
    """
    found = trouble(error)
    if found is None:
        return False
    breaker = breakers.make(connection, breakers.of_lane(account.id, lane.kind))
    if tries >= SUSPECT and not breaker.is_open and not found.everybody:
        return False
    counted = _counted(breaker, lane.id, found)
    breakers.store(connection, counted)
    if counted.is_open and not breaker.is_open:
        log.warning("breaker_opened", account=account.id, api=breaker.key.scope.value, hint=found.hint)
    return counted.is_open


def _counted(breaker: Breaker, lane_id: int, found: Trouble) -> Breaker:
    """Return a breaker after one more failure."""
    if breaker.is_open:
        is_probe = lane_id == breaker.probe_lane
        return breaker.opened(found.hint, probe_in=_wait(breaker, found)) if is_probe else breaker
    failed_lanes = tuple(dict.fromkeys((*breaker.failed_lanes, lane_id)))
    breaker = replace(breaker, failed_lanes=failed_lanes, hint=found.hint)
    if found.everybody or len(failed_lanes) >= LANES:
        return breaker.opened(found.hint, probe_in=_wait(breaker, found))
    return breaker


def _wait(breaker: Breaker, found: Trouble) -> float:
    """Return the seconds until the next probe: what the other side asked for, else longer each time."""
    if found.wait is not None:
        return found.wait
    return _jittered(PROBES, breaker.probes + 1 if breaker.is_open else 0)


def refused(connection: Connection, breaker_key: Key, *, hint: str) -> None:
    """Probe now and then behind a pause that a refusal brought about."""
    breaker = breakers.make(connection, breaker_key)
    tries = breaker.probes + 1 if breaker.is_open else 0
    wait = _jittered(PROBES_OF_REFUSED, tries)
    breakers.store(connection, breaker.opened(hint, probe_in=wait, refused=True))


def succeeded(services: Services, account: AccountRow, lane: lanes.Lane) -> None:
    """Forget failures after a success. That of the probe closes the breaker and wakes who waits behind it.

    No other success closes one: it may be the late answer to a call from before.
    """
    keys = [breakers.of_lane(account.id, lane.kind)]
    if lane.kind is not LaneKind.OUTBOUND:
        keys.append(Key(Scope.PORTAL, account.portal_id))
    closed = until_stored(services.database, lambda connection: _close(connection, keys, lane.id))
    for one in closed:
        log.info("breaker_closed", scope=one.key.scope.value, id=one.key.id, probes=one.probes)
        until_stored(services.database, partial(_wake, portal_id=account.portal_id, breaker_key=one.key))


def _close(connection: Connection, keys: Iterable[Key], lane_id: int) -> list[Breaker]:
    """Forget failures. Returns the breakers that this probe closed."""
    closed = []
    for found in (breakers.get(connection, one, lock=True) for one in keys):
        if found is None or (found.is_open and found.probe_lane != lane_id):
            continue
        breakers.drop(connection, found.key)
        if found.is_open:
            closed.append(found)
        if found.is_open and found.refused:
            _resume(connection, found.key)
    return closed


def _resume(connection: Connection, breaker_key: Key) -> None:
    if breaker_key.scope is Scope.PORTAL:
        portals.resume(connection, breaker_key.id)
    else:
        accounts.resume_side(connection, breaker_key.id, Side(breaker_key.scope.value))


def _wake(connection: Connection, *, portal_id: int, breaker_key: Key) -> None:
    """Wake who waited. Where HubSpot failed us it may have failed its webhooks, too: a comparison is asked for."""
    kinds = [LaneKind.OUTBOUND] if breaker_key.scope is Scope.SERVICE else [LaneKind.INBOUND, LaneKind.STATUS]
    if breaker_key.scope is not Scope.SERVICE:
        reconciled.want(connection, portal_id=portal_id, reason="HubSpot answers again")
    if breaker_key.scope is Scope.PORTAL:
        lanes.wake_delayed(connection, kinds, portal_id=breaker_key.id)
    else:
        lanes.wake_delayed(connection, kinds, account_id=breaker_key.id)


def grant_probes(services: Services) -> int:
    """Let one lane try behind every open breaker whose time has come. Returns how many may."""
    with services.database.read() as connection:
        due = breakers.probe_due(connection)
    return sum(_grant(services, one) for one in due)


def _grant(services: Services, breaker_key: Key) -> bool:
    with services.database.write() as connection:
        breaker = breakers.get(connection, breaker_key, lock=True)
        if breaker is None or breaker.probe_in is None or breaker.probe_in > 0:
            return False  # another scheduler was faster, or it was closed
        lane_id = breakers.next_lane(connection, breaker)
        if lane_id is None:
            breakers.store(connection, replace(breaker, probe_in=_NOBODY_WAITS))
            return False
        breakers.store(connection, breaker.probed_by(lane_id, again_in=services.settings.call_timeout + _SLACK))
        lanes.wake_head(connection, lane_id)
    log.info("probe_granted", scope=breaker_key.scope.value, id=breaker_key.id, lane=lane_id)
    return True


def why_stopped(connection: Connection, account: AccountRow) -> str:
    """Return why agents' messages of an account cannot be sent now; empty where nothing is known."""
    found = breakers.get(connection, Key(Scope.SERVICE, account.id)) if account.troubled else None
    return found.hint if found is not None and found.is_open else ""


def measure(connection: Connection) -> None:
    """Put the number of open breakers into the metrics."""
    metrics.BREAKERS_OPEN.set(sum(one.is_open for one in breakers.every(connection)))


def _jittered(intervals: tuple[float, ...], tries: int) -> float:
    return intervals[min(tries, len(intervals) - 1)] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreading
