"""Step 7: a slot in the budget of the API that is called next. Nobody sleeps for it: the lane is parked until then."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from app import logs
from app.domain.capability import RateLimit, RateScope
from app.hubspot.client import Rate
from app.hubspot.contacts import SEARCHES_PER_SECOND
from app.limiter import Horizon, LimiterAway
from app.relay.services import Services
from app.relay.shares import HUBSPOT_WINDOW
from app.storage.accounts import AccountRow
from app.storage.lanes import Lane

#: A reserved slot may be used so long after its time (seconds); an older one is void. What is used late comes closer to
#: the next ones: at 0.98 of the limit 0.15 s keeps the worst window of ten seconds at 109 of 110, half a second at 113.
SLOT_LIFE = 0.15
#: Without a limiter the limits cannot be kept, so the lane comes back after this (seconds).
_AWAY = 2.0

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Slot:
    """When a call may be made: in ``wait`` seconds. ``reserved``: that slot is ours; else only ask again then."""

    wait: float
    reserved: bool = True


NOW = Slot(0.0)


def hubspot(services: Services, lane: Lane, *, horizon: Horizon) -> Slot:
    """Reserve a slot for a call to HubSpot, in the budget of the lane's portal."""
    return portal(services, lane.portal_id, horizon=horizon)


def portal(services: Services, portal_id: int, *, horizon: Horizon) -> Slot:
    """Reserve a slot for a call to HubSpot that belongs to no lane."""
    rate = services.settings.hubspot_rate
    return _reserve(services, _bucket(portal_id), rate=rate, seconds=HUBSPOT_WINDOW, horizon=horizon)


def search(services: Services, portal_id: int) -> Slot:
    """Reserve a slot for a search in the CRM, which counts in a small budget of its own and in the portal's."""
    bucket = f"{_bucket(portal_id)}:search"
    own = _reserve(services, bucket, rate=SEARCHES_PER_SECOND, seconds=1.0, horizon=Horizon.MESSAGES)
    return max(own, portal(services, portal_id, horizon=Horizon.MESSAGES), key=_lateness) if own.reserved else own


def _lateness(slot: Slot) -> tuple[bool, float]:
    return not slot.reserved, slot.wait


def portal_now(services: Services, portal_id: int) -> Slot:
    """Reserve a slot for a call to HubSpot, and never for later: the lane keeps its slots for the service."""
    slot = portal(services, portal_id, horizon=Horizon.MESSAGES)
    return slot if slot.wait <= 0 else replace(slot, reserved=False)


def wait_for_portal(services: Services, portal_id: int, *, horizon: Horizon, patience: float) -> bool:
    """Wait for a slot for a call to HubSpot, at most ``patience`` seconds. False: there is none so soon.

    Not for lanes: for somebody at a page, and for a file that would have to be fetched again.
    """
    until = time.monotonic() + patience
    while True:
        slot = portal(services, portal_id, horizon=horizon)
        if slot.wait > 0 and time.monotonic() + slot.wait > until:
            return False
        time.sleep(slot.wait)
        if slot.reserved:
            return True


def service(services: Services, lane: Lane, account: AccountRow) -> Slot:
    """Reserve slots for a call to a messaging service, in every budget that it counts; the latest of them holds.

    The tightest is asked first: where it has no slot, none of the others' is lost.
    """
    connector, latest = services.connector(account), NOW
    for limit in sorted(connector.capabilities.rates, key=lambda one: one.count / one.seconds):
        if limit.scope is RateScope.GROUP and not connector.is_group(lane.conversation):
            continue
        conversation = "" if limit.scope is RateScope.ACCOUNT else lane.conversation
        bucket = _service_bucket(account, limit, conversation)
        slot = _reserve(services, bucket, rate=limit.count, seconds=limit.seconds, horizon=Horizon.MESSAGES)
        if not slot.reserved:
            return slot
        latest = max(latest, slot, key=lambda one: one.wait)
    return latest


def spare(services: Services, account: AccountRow) -> float | None:
    """Take a slot that a messaging service's budget for the account has left. None: messages need it all.

    Returns the seconds to wait for it. What it allows one conversation is left to the messages.
    """
    wait = 0.0
    for limit in services.connector(account).capabilities.rates:
        if limit.scope is RateScope.ACCOUNT:
            bucket = _service_bucket(account, limit)
            slot = _reserve(services, bucket, rate=limit.count, seconds=limit.seconds, horizon=Horizon.RECONCILE)
            if not slot.reserved:
                return None
            wait = max(wait, slot.wait)
    return wait


def _reserve(services: Services, bucket: str, *, rate: int, seconds: float, horizon: Horizon) -> Slot:
    if services.limiter is None:
        return NOW
    try:
        reserved = services.limiter.reserve(bucket, rate=rate, seconds=seconds, horizon=horizon)
    except LimiterAway:
        log.warning("limiter_away", hint="lanes wait until its Redis is back: RELAY_REDIS_URL")
        return Slot(_AWAY, reserved=False)
    return Slot(reserved.wait, reserved=reserved.granted)


def penalise_hubspot(services: Services, portal_id: int, seconds: float) -> None:
    """Stop all calls of a portal for a while, after HubSpot said so."""
    _penalise(services, _bucket(portal_id), seconds)


def penalise_service(services: Services, account: AccountRow, seconds: float) -> None:
    """Stop all calls of an account for a while, after its service said so."""
    for limit in services.connector(account).capabilities.rates:
        if limit.scope is RateScope.ACCOUNT:
            _penalise(services, _service_bucket(account, limit), seconds)


def observe(services: Services, portal_id: int, rate: Rate) -> None:
    """Take over what HubSpot's headers say of its budget; other processes of the app spend it too."""
    if services.limiter is None:
        return
    try:
        services.limiter.observe(_bucket(portal_id), remaining=rate.remaining, limit=rate.limit, window=rate.window)
    except LimiterAway:
        log.debug("limiter_away")


def _penalise(services: Services, bucket: str, seconds: float) -> None:
    if services.limiter is None:
        return
    try:
        services.limiter.penalise(bucket, seconds)
    except LimiterAway:
        log.debug("limiter_away")


def _service_bucket(account: AccountRow, limit: RateLimit, conversation: str = "") -> str:
    """Name the bucket of one limit: two limits of one conversation share none, or each would count every call twice."""
    return f"{account.connector}:{account.id}:{limit.count}/{limit.seconds:g}:{conversation}"


def _bucket(portal_id: int) -> str:
    return f"hubspot:{portal_id}"
