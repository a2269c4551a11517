"""The conformance suite: does a connector keep the contract?

For authors of connectors, without any test framework::

    from app.conformance import Samples, run

    report = run(MyConnector(), Samples(credentials=..., sign=..., payloads=..., accepted=...))
    assert report.passed, report.text()

Without samples the checks that need them are skipped; ``relay test-connector`` runs it that way.
"""

from __future__ import annotations

from app.conformance.report import Check, Outcome, Report, Result
from app.conformance.samples import Batch, Samples
from app.conformance.suite import checks, run

__all__ = ["Batch", "Check", "Outcome", "Report", "Result", "Samples", "checks", "run"]
