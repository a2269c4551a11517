"""Whether HubSpot signed a request. Refused ones are shown to the doctor, whose opinion goes to the log alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from app import logs, metrics
from app.domain.webhook import RawRequest
from app.errors import SignatureInvalid
from app.hubspot import signature
from app.hubspot.signature import V3_ONLY, Version
from app.hubspot.signature_doctor import Diagnosis, Keys, examine
from app.relay import outages
from app.relay.services import Services
from app.settings import Settings

#: So many requests a minute are examined in one process: each costs up to a tenth of a second, and anybody may send
#: them.
MOST_EXAMINED: Final = 10
_MINUTE = 60.0

#: Counted as the cause of what was not examined: too many, too large, or nothing like a signature.
NOT_EXAMINED: Final = "not_examined"

#: How many of the client secrets of before are taken: there are two secrets during a rotation.
_OLD_TAKEN = 1

log = logs.get_logger(__name__)


class Consultation:
    """Keeps the doctor from being overrun, and the log from being flooded. Any thread may ask."""

    def __init__(self, *, most: int = MOST_EXAMINED, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow ``most`` examinations a minute; ``clock`` tells seconds."""
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._examined: list[float] = []
        self._told: dict[object, float] = {}

    def may_examine(self) -> bool:
        """Tell whether one more request may be examined now, and count it."""
        with self._lock:
            now = self._clock()
            self._examined = [at for at in self._examined if now - at < _MINUTE]
            if len(self._examined) >= self._most:
                return False
            self._examined.append(now)
            return True

    def is_news(self, what: object) -> bool:
        """Tell whether the log has not said so within a minute, and remember it."""
        with self._lock:
            now = self._clock()
            self._told = {one: at for one, at in self._told.items() if now - at < _MINUTE}
            if what in self._told:
                return False
            self._told[what] = now
            return True


_consultation = Consultation()


def check(
    services: Services, raw: RawRequest, *, events: bool = False, consultation: Consultation = _consultation
) -> None:
    """Return for a request that HubSpot signed.

    ``events``: it came to the address of the app's event subscriptions, where the settings may allow older versions.

    Raises:
        SignatureInvalid: it did not, or too long ago. Nothing that the doctor finds or does changes that.
    """
    settings = services.settings
    versions = _versions(settings) if events else V3_ONLY
    verdict = _judge(settings, raw, versions)
    if isinstance(verdict, SignatureInvalid):
        _examine_quietly(settings, raw, versions, consultation)
        if consultation.is_news("refusal"):
            outages.note_refusal(services)
        raise verdict
    if verdict > 0 and consultation.is_news("old secret"):
        log.info("old_client_secret_used", hint="HubSpot still signs with RELAY_HUBSPOT_CLIENT_SECRET_OLD: keep it")


def _judge(settings: Settings, raw: RawRequest, versions: Collection[Version]) -> int | SignatureInvalid:
    """Return the position of the secret that a request was signed with, or why it is refused."""
    try:
        return signature.check(raw, secrets=_taken(settings), now=time.time(), versions=versions)
    except SignatureInvalid as refusal:
        return refusal


def _examine_quietly(
    settings: Settings, raw: RawRequest, versions: Collection[Version], consultation: Consultation
) -> None:
    """Count a refused request by its cause, and log what is wrong with it, once a cause and minute. Never raises."""
    found = None
    try:
        if consultation.may_examine():
            found = examine(raw, keys=_keys(settings), now=time.time(), versions=versions)
        if found is not None and consultation.is_news(found.causes):
            _tell(found)
    except Exception:
        log.exception("signature_doctor_raised")
    cause = found.causes[0].value if found is not None and found.causes else NOT_EXAMINED
    metrics.SIGNATURES_REFUSED.labels(cause=cause).inc()
    metrics.SIGNATURE_REFUSED_AT.set(time.time())


def _tell(found: Diagnosis) -> None:
    log.warning("signature_diagnosed", causes=list(found.causes), hint=found.sentence)


def _versions(settings: Settings) -> frozenset[Version]:
    older = settings.hubspot_events_signature
    return V3_ONLY | {Version(older)} if older else V3_ONLY


def _taken(settings: Settings) -> list[str]:
    """Return the client secrets that are taken, the present one first."""
    old = [one.get_secret_value() for one in settings.hubspot_client_secret_old[:_OLD_TAKEN]]
    return [settings.hubspot_client_secret.get_secret_value(), *old]


def _keys(settings: Settings) -> Keys:
    """Return what the doctor tries: the secrets that are taken, and what people mistake for them."""
    present = settings.hubspot_client_secret.get_secret_value()
    retired = settings.hubspot_client_secret_old[_OLD_TAKEN:]
    others = {
        "RELAY_HUBSPOT_DEVELOPER_API_KEY": settings.hubspot_developer_api_key.get_secret_value(),
        "RELAY_HUBSPOT_CLIENT_ID": settings.hubspot_client_id,
        "RELAY_HUBSPOT_CLIENT_SECRET without its quotes or spaces": present.strip().strip("\"'"),
    }
    for number, secret in enumerate(retired, _OLD_TAKEN + 1):
        others[f"RELAY_HUBSPOT_CLIENT_SECRET_OLD, number {number}"] = secret.get_secret_value()
    return Keys(_taken(settings), others)
