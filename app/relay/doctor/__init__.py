"""The doctor: every check of the set-up, side by side, each with a sentence and, where it is needed, its fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from app.errors import ConfigurationError
from app.relay.doctor import portal_health
from app.relay.doctor.account_health import accounts
from app.relay.doctor.channel_health import channel
from app.relay.doctor.contact_health import contacts
from app.relay.doctor.examination import Examination, Jobs
from app.relay.doctor.neighbours import broker, clock, hubspot, limiter
from app.relay.doctor.settings_health import public_url, settings_of
from app.relay.doctor.storage_health import database, journal, vault
from app.relay.doctor.webhook_health import round_trip, webhooks
from app.relay.doctor.work_health import breakers, people, workers
from app.relay.findings import Finding, Level
from app.relay.services import Services, build
from app.relay.silence import silence
from app.settings import Settings

#: All checks together end after so many seconds, whatever hangs; one that needs an answer to go on ends a little
#: earlier, so that it can still tell.
_TIME: Final = 11.0
_SPARE: Final = 0.5
#: The longest that one call of a check may take (seconds): two after one another still fit.
_CALL: Final = 5.0

_NO_BROKER = Finding(
    "broker",
    Level.WARN,
    "No broker is configured.",
    "Use `relay up`, which brings one along, or set RELAY_BROKER_URL for the roles one by one.",
)

Check = Callable[[Services], Iterable[Finding]]

#: What needs nobody's tables; what reads them.
_AROUND: Final[tuple[Check, ...]] = (hubspot, round_trip)
_WITHIN: Final[tuple[Check, ...]] = (clock, vault, accounts, webhooks, breakers, workers, silence, people)


def examine(settings: Settings) -> list[Finding]:
    """Run every check, in at most ``_TIME`` seconds. What cannot be asked, because of something else, is left out.

    Needs no broker: where none is configured, ``relay up`` brings one along.
    """
    found = [*settings_of(settings), public_url(settings), *journal(settings)]
    if not settings.broker_url:
        found.append(_NO_BROKER)
    patient = {"broker_url": settings.broker_url or "memory://", "call_timeout": min(settings.call_timeout, _CALL)}
    try:
        services = build(settings.model_copy(update=patient), pool=4)
    except ConfigurationError as error:
        return [*found, Finding("services", Level.FAIL, str(error), "Set it, and run `relay doctor` again.")]
    examination = Examination(_TIME)
    around = (*_AROUND, *((broker, limiter) if settings.broker_url else ()))
    stored = {"database": partial(_examine_stored, services, examination)}
    found += examination.run({**stored, **_jobs(services, around)})
    if not examination.is_late:
        services.close()  # else what hangs still holds a connection, and the process ends soon
    return found


def _examine_stored(services: Services, examination: Examination) -> list[Finding]:
    """Look at the database, and where it is there at whatever reads it."""
    found = list(database(services))
    if any(one.check == "migrations" and one.level is Level.FAIL for one in found):
        return found
    found += examination.run({**_jobs(services, _WITHIN), **portal_health.jobs(services)}, spare=_SPARE)
    # Afterwards: it uses the portals' tokens, which two cannot refresh at once.
    return [*found, *examination.run(_jobs(services, (channel, contacts)), spare=_SPARE)]


def _jobs(services: Services, checks: Iterable[Check]) -> Jobs:
    return {check.__name__: partial(check, services) for check in checks}
