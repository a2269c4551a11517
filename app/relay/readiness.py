"""Whether this process can do its work now, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.relay.services import Services
from app.storage import schema
from app.storage.database import DatabaseAway


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
    """Look at the database, its schema and the broker."""
    report = Readiness()
    try:
        current = schema.current(services.database)
        if current != schema.HEAD:
            at = current or "empty"
            report.reasons.append(f"The database is at revision {at}, not {schema.HEAD}: run `relay db upgrade`.")
    except DatabaseAway:
        report.reasons.append("The database does not answer: see RELAY_DATABASE_URL.")
    if not services.doorbell.is_answering():
        report.warnings.append("The broker does not answer: messages wait for the scheduler. See RELAY_BROKER_URL.")
    return report
