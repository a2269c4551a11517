"""The whole suite."""

from __future__ import annotations

from app.conformance import calls, declarations, webhooks
from app.conformance.report import Check, Report, perform
from app.conformance.samples import Samples, Subject
from app.connectors.base import Connector


def checks(connector: Connector, samples: Samples | None = None) -> list[Check]:
    """Return every check of a connector, for a test framework to run one by one."""
    subject = Subject(connector, samples)
    return declarations.checks(subject) + webhooks.checks(subject) + calls.checks(subject)


def run(connector: Connector, samples: Samples | None = None) -> Report:
    """Run every check. Opens servers on free loopback ports; takes a few seconds."""
    return Report(connector.name, tuple(perform(check) for check in checks(connector, samples)))
