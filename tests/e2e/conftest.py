"""What the relay's real processes stand on: the suite runs on each combination of database and broker."""

from __future__ import annotations

import pytest

from app.bench.servers.process import ServerProcess
from app.limiter import Limiter
from tests.e2e.processes import Combination

_ON_POSTGRESQL = (pytest.mark.postgresql, pytest.mark.redis)


@pytest.fixture(
    params=[
        "sqlite-embedded",
        # Chaos runs on it, too.
        pytest.param("postgresql-redis", marks=[*_ON_POSTGRESQL, pytest.mark.long]),
        pytest.param("postgresql-rabbitmq", marks=[*_ON_POSTGRESQL, pytest.mark.rabbitmq]),
    ]
)
def combination(request: pytest.FixtureRequest) -> Combination:
    """A fresh database and an empty broker, once of each combination; RabbitMQ has a Redis beside it for the limits."""
    database, _, broker = str(request.param).partition("-")
    if broker == "embedded":
        return Combination(database)
    settings = {"database_url": str(request.getfixturevalue(f"migrated_{database}_url"))}
    for name, setting in {"redis": "redis_url", broker: "broker_url"}.items():
        settings[setting] = str(request.getfixturevalue(f"{name}_url"))
    settings.setdefault("redis_url", settings["broker_url"])
    # As `relay up` does with a Redis of its own: an unknown one would be held back for ten seconds.
    Limiter(settings["redis_url"]).trust()
    server: ServerProcess = request.getfixturevalue(f"{broker}_server")
    return Combination(database, settings, server)
