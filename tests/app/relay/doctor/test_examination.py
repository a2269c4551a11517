from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from app.errors import ConfigurationError, ServiceUnavailable
from app.relay.doctor.examination import Examination
from app.relay.findings import Finding, Level


def well(name: str) -> Iterator[Finding]:
    yield Finding(name, Level.OK, "All is well.")


def test_findings_come_in_the_order_of_the_checks() -> None:
    first_may_end = threading.Event()

    def slow() -> Iterator[Finding]:
        assert first_may_end.wait(10)
        yield from well("slow")

    def quick() -> Iterator[Finding]:
        yield from well("quick")
        first_may_end.set()

    examination = Examination(10)
    found = examination.run({"slow": slow, "quick": quick, "nothing": list})
    assert [one.check for one in found] == ["slow", "quick"]
    assert not examination.is_late


def test_more_checks_than_run_at_once_are_all_run() -> None:
    names = [f"check {number}" for number in range(40)]
    found = Examination(10).run({name: partial(well, name) for name in names})
    assert [one.check for one in found] == names


def test_a_check_that_hangs_is_a_finding_and_the_others_are_told() -> None:
    over = threading.Event()

    def hang() -> Iterator[Finding]:
        over.wait(10)
        yield from well("hung")

    examination = Examination(2)
    found = examination.run({"hung": hang, "well": partial(well, "well")})
    over.set()
    assert [(one.check, one.level) for one in found] == [("hung", Level.FAIL), ("well", Level.OK)]
    assert found[0].fix
    assert examination.is_late


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ServiceUnavailable("It is down."), "It is down."),
        (ConfigurationError("Set it."), "Set it."),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_whatever_a_check_raises_is_a_finding(error: Exception, words: str) -> None:
    def ill() -> list[Finding]:
        raise error

    [one] = Examination(10).run({"ill": ill})
    assert (one.check, one.level, words in one.sentence) == ("ill", Level.FAIL, True)
