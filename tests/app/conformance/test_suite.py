"""The suite over every connector that there is, with the samples of its tests."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest

from app.conformance import Check, Outcome, Report, Result, Samples, checks, run
from app.conformance.report import perform
from app.connectors import registry


def samples(name: str) -> Samples:
    """Every connector's samples stand beside its tests, under this name."""
    module = import_module(f"tests.app.connectors.{name}_samples")
    assert isinstance(module.SAMPLES, Samples)
    return module.SAMPLES


def rows() -> Iterator[object]:
    for name in registry.names():
        for check in checks(registry.get(name), samples(name)):
            yield pytest.param(check, id=f"{name}: {check.name}")


@pytest.mark.parametrize("check", list(rows()))
def test_connector_keeps_the_contract(check: Check) -> None:
    result = perform(check)

    assert result.outcome is not Outcome.FAILED, result.reason
    # A promise that a service cannot make is no gap; samples that are missing are one.
    assert not result.reason.startswith("needs"), result.reason


def test_without_samples_the_rest_is_checked() -> None:
    report = run(registry.get("telegram"))

    outcomes = {result.name: result.outcome for result in report.results}
    assert report.passed, report.text()
    assert outcomes["send: status 429"] is Outcome.PASSED
    assert outcomes["parse survives hostile bodies"] is Outcome.PASSED
    assert outcomes["send returns the ids"] is Outcome.SKIPPED
    assert report.text().splitlines()[-1].startswith("telegram: ")


def test_a_failure_fails_the_report() -> None:
    failed = Result("has a name", Outcome.FAILED, "name: empty")
    report = Report("pigeon", (Result("has a title", Outcome.PASSED), failed))

    assert not report.passed
    assert report.failures == (failed,)
    assert "failed  has a name: name: empty" in report.text()
    assert report.text().endswith("pigeon: 1 passed, 1 failed, 0 skipped")
