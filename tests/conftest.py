"""What every test sees, and what a run says about servers it did not find."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from app import logs
from app.storage import database
from tests import compiled
from tests.servers.presence import MISSING, REQUIRE_VARIABLE, Server

pytest_plugins = ["tests.servers.fixtures"]

#: A fixture that needs a server marks the tests that ask for it.
_NEEDED_BY_FIXTURE = {
    "redis_process": Server.REDIS,
    "rabbitmq_process": Server.RABBITMQ,
    "postgres_process": Server.POSTGRESQL,
    "synapse_process": Server.SYNAPSE,
    "tight_synapse": Server.SYNAPSE,
    "browser": Server.BROWSER,
}

#: Tests with one of these run in one process, so that it starts once. Those of the group ``crowd`` do as well: each
#: starts a dozen processes, and two of them at once starve one another.
_SLOW_TO_START = (Server.RABBITMQ, Server.SYNAPSE, Server.BROWSER)


def pytest_configure() -> None:
    """Forget the relay's settings in the environment of whoever runs the tests."""
    for variable in [name for name in os.environ if name.startswith("RELAY_")]:
        if variable != REQUIRE_VARIABLE:
            del os.environ[variable]


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Compile each statement once a process, and not once a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_engine", compiled.create)
        yield


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Put the logs back: a command that runs in the test's process sets them up for the whole of it.

    So are its secrets: one of a few letters would blacken ordinary words of the tests behind it.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    known = dict(logs._secrets._by_start)  # noqa: SLF001 - nobody else has to forget a secret
    yield
    root.handlers = handlers
    root.setLevel(level)  # not the attribute: each logger remembers whether it may speak
    logs._secrets._by_start = known  # noqa: SLF001 - likewise


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the servers they use, let those with one of the slow servers meet, and let slow tests begin."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in _NEEDED_BY_FIXTURE:
                item.add_marker(str(_NEEDED_BY_FIXTURE[fixture]))
        for server in _SLOW_TO_START:
            if item.get_closest_marker(str(server)):
                item.add_marker(pytest.mark.xdist_group(str(server)))
                break
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """Say when a test begins: the last of a long chain must not be what all others have ended before."""
    marks = ("xdist_group", "slow")
    return next((turn for turn, mark in enumerate(marks) if item.get_closest_marker(mark)), len(marks))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was left out because its server is not on this machine."""
    missing: Counter[str] = Counter()
    for report in terminalreporter.getreports("skipped"):
        if isinstance(report.longrepr, tuple) and MISSING in report.longrepr[2]:
            missing[report.longrepr[2].split(MISSING)[1]] += 1
    if missing:
        terminalreporter.section("LEFT OUT: servers that are not on this machine", sep="!", red=True, bold=True)
    for sentence, count in missing.items():
        terminalreporter.write_line(f"{count} tests: {sentence}")
