"""Whether this process can do its work now, and what stands in the way."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field

from app.relay.journal import PATIENCE, Journal
from app.relay.services import Services
from app.storage import schema
from app.storage.database import DatabaseAway
from app.storage.spool_survey import waiting_bytes

_AWAY = "The database does not answer: see RELAY_DATABASE_URL."
_NO_ACCOUNTS = "The journal knows no accounts that it may go by, so webhooks of services are refused."


@dataclass
class Readiness:
    """``reasons`` stop the relay from accepting, ``warnings`` only slow it down."""

    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """Whether webhooks can be accepted."""
        return not self.reasons


def check(services: Services) -> Readiness:
    """Look at the database, its schema, the journal and the broker."""
    report = Readiness()
    journal = services.journal
    try:
        with journal.patience.limit(PATIENCE) if journal is not None else nullcontext():
            current = schema.current(services.database)
    except DatabaseAway:
        _tell_away(report, journal)
    else:
        if current != schema.HEAD:
            at = current or "empty"
            report.reasons.append(f"The database is at revision {at}, not {schema.HEAD}: run `relay db upgrade`.")
    if journal is not None and journal.is_wanted:
        report.warnings.append(f"Requests go to the journal; {waiting_bytes(journal.folder)} bytes wait in it.")
    if not services.doorbell.is_answering():
        report.warnings.append("The broker does not answer: messages wait for the scheduler. See RELAY_BROKER_URL.")
    return report


def _tell_away(report: Readiness, journal: Journal | None) -> None:
    """A journal that can verify what comes takes the database's place."""
    if journal is None:
        report.reasons.append(_AWAY)
        return
    report.warnings.append(_AWAY)
    if not journal.cache.is_trusted:
        report.reasons.append(_NO_ACCOUNTS)
