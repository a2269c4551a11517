"""An alarm when HubSpot sends nothing while people are at work.

HubSpot keeps no log of the webhooks of custom channels that anybody could read, and they have stopped for hours without
an error on either side.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from app import logs, metrics
from app.domain.office_hours import OfficeHours
from app.relay import outages
from app.relay.accept import HUBSPOT
from app.relay.findings import Finding, Level
from app.relay.services import Services
from app.relay.spans import span
from app.settings import Settings
from app.storage import heartbeats
from app.storage.heartbeats import Sign

#: The sign that an alarm was raised; its time is that of the webhook after which it has been silent.
_TOLD: Final = "silence"

log = logs.get_logger(__name__)


def watch(services: Services) -> None:
    """Look for webhooks, and raise the alarm, once for each silence, whichever scheduler sees it first."""
    webhook = _last_webhook(services)
    limit = services.settings.silence_alarm
    silent = _silent_for(services.settings, webhook) if limit else 0.0
    metrics.HUBSPOT_SILENT.set(silent)
    if limit and silent >= limit and _is_news(services, webhook):
        log.warning("hubspot_silent", seconds=round(silent), hint="docs/runbooks.md, *HubSpot is silent*")


def _last_webhook(services: Services) -> Sign:
    """Return the sign of HubSpot's webhooks; nothing is locked where nothing came."""
    with services.database.read() as connection:
        webhook, news = outages.last_webhook(connection), outages.has_news(connection)
    if webhook is not None and not news:
        return webhook
    with services.database.write() as connection:
        return outages.look(connection, HUBSPOT)


def _is_news(services: Services, webhook: Sign) -> bool:
    """Tell whether nobody has raised the alarm of this silence yet, and remember that it was raised."""
    with services.database.read() as connection:
        told = heartbeats.get(connection, _TOLD)
    if told is not None and told.at == webhook.at:
        return False
    with services.database.write() as connection:
        return heartbeats.once(connection, _TOLD, webhook.at)


def _silent_for(settings: Settings, webhook: Sign) -> float:
    """Return the office hours since the last webhook, in seconds."""
    last, now = (datetime.fromtimestamp(at, UTC) for at in (webhook.at, webhook.now))
    return OfficeHours.read(settings.office_hours).between(last, now)


def silence(services: Services) -> Iterator[Finding]:
    """Say how long HubSpot has sent nothing; for the doctor."""
    limit = services.settings.silence_alarm
    with services.database.read() as connection:
        webhook = outages.last_webhook(connection)
    if not limit or webhook is None:
        return
    silent = _silent_for(services.settings, webhook)
    sentence = f"HubSpot has sent nothing for {span(silent)} of office hours."
    if silent < limit:
        yield Finding("silence", Level.OK, sentence)
    else:
        fix = "docs/runbooks.md, *HubSpot is silent*; `relay reconcile` fetches what did not come."
        yield Finding("silence", Level.WARN, sentence, fix)
