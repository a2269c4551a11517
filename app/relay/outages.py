"""What makes a comparison with HubSpot worth while: whatever may have cost us its webhooks.

It is unknown whether HubSpot sends a channel's webhook again that failed, so each of these counts: no receiver was
there, HubSpot's side was stopped, the journal was in use, signatures were refused. The scheduler does the comparison.
"""

from __future__ import annotations

import threading
from typing import Final

from app import logs
from app.relay.services import Services
from app.storage import heartbeats, lanes, reconciled
from app.storage.database import Connection, Database, DatabaseAway
from app.storage.heartbeats import Sign

#: Seconds between two signs of a receiver, and the pause after which none was there meanwhile.
_BEAT: Final = 5.0
AWAY: Final = 15.0
#: Refusals count when they lasted so long (seconds) without a rightly signed webhook: anybody may send a wrong one.
#: They are noted once a minute.
REFUSED_FOR: Final = 55.0

_RECEIVER: Final = "receiver"
_WEBHOOK: Final = "webhook"
_REFUSED: Final = "refused"

log = logs.get_logger(__name__)


def beat(database: Database) -> None:
    """Give a receiver's sign of life. After a pause that was too long a comparison is asked for."""
    with database.write() as connection:
        pause = heartbeats.beat(connection, _RECEIVER)
        if pause > AWAY:
            since = lanes.clock(connection) - pause
            reconciled.want(connection, reason="no receiver was there", since=since)
    if pause > AWAY:
        log.warning("receiver_was_away", seconds=round(pause), hint="webhooks may be lost: HubSpot is compared with")


class Heartbeat:
    """Beats in the background until it is closed, or its process ends."""

    def __init__(self, services: Services) -> None:
        """Begin."""
        self._services = services
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            _beat_quietly(self._services)
            self._stop.wait(_BEAT)


def _beat_quietly(services: Services) -> None:
    try:
        beat(services.database)
    except DatabaseAway as error:
        log.debug("no_heartbeat", error=type(error).__name__)
    except Exception:
        log.exception("heartbeat_raised", hint="it is tried again in a few seconds")


def note_refusal(services: Services) -> None:
    """Remember that a webhook of HubSpot's was refused for its signature."""
    try:
        with services.database.write() as connection:
            heartbeats.beat(connection, _REFUSED)
    except DatabaseAway as error:
        log.debug("refusal_not_noted", error=type(error).__name__)


def journal_emptied(database: Database) -> None:
    """Ask for a comparison after the journal was in use: what it could not take was answered 503."""
    with database.write() as connection:
        reconciled.want(connection, reason="the journal was in use")


def has_news(connection: Connection) -> bool:
    """Tell whether anything came or was refused since the last look."""
    return heartbeats.has_news(connection, _WEBHOOK) or heartbeats.get(connection, _REFUSED) is not None


def look(connection: Connection, source: str) -> Sign:
    """Return the sign of HubSpot's webhooks; ask for a comparison when they are let in again after refusals.

    ``source``: of the envelopes that are its webhooks.
    """
    webhook = heartbeats.look_for_webhooks(connection, _WEBHOOK, source)
    refused = heartbeats.get(connection, _REFUSED)
    if refused is not None and webhook.at > refused.at and not webhook.is_new:
        heartbeats.forget(connection, _REFUSED)
        if refused.at - refused.since >= REFUSED_FOR:
            reconciled.want(connection, reason="webhooks were refused for their signature", since=refused.since)
            log.warning("webhooks_were_refused", seconds=round(webhook.at - refused.since))
    return webhook


def last_webhook(connection: Connection) -> Sign | None:
    """Return the sign of HubSpot's webhooks as the scheduler last saw it; None: it never looked."""
    return heartbeats.get(connection, _WEBHOOK)
