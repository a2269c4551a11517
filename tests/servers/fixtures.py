"""The servers as fixtures. A server starts once a test process; what a test sees is fresh."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from psycopg import sql

from app.storage import schema
from app.storage.database import Database
from app.storage.tables import metadata
from tests.servers.postgres_server import PostgresServer
from tests.servers.presence import Server, require
from tests.servers.rabbitmq_server import RabbitmqServer
from tests.servers.redis_server import RedisServer
from tests.servers.synapse import SynapseServer


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    """One Redis for this test process."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_server(redis_process: RedisServer) -> RedisServer:
    """A running Redis that knows nothing; a test may stop, kill and restart it."""
    redis_process.start()
    redis_process.flush()
    return redis_process


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    return redis_server.url


@pytest.fixture(scope="session")
def rabbitmq_process() -> Iterator[RabbitmqServer]:
    """One RabbitMQ for this test process."""
    with RabbitmqServer() as server:
        yield server


@pytest.fixture
def rabbitmq_server(rabbitmq_process: RabbitmqServer) -> RabbitmqServer:
    """A running RabbitMQ; a test may stop, kill and restart it."""
    rabbitmq_process.start()
    return rabbitmq_process


@pytest.fixture
def rabbitmq_url(rabbitmq_server: RabbitmqServer) -> str:
    """The address of a fresh, empty virtual host of a RabbitMQ."""
    return rabbitmq_server.vhost_url(rabbitmq_server.create_vhost())


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[PostgresServer]:
    """One PostgreSQL for this test process."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgresql(postgres_process: PostgresServer) -> PostgresServer:
    """A running PostgreSQL; a test may stop, kill and restart it."""
    postgres_process.start()
    return postgres_process


@pytest.fixture
def postgresql_url(postgresql: PostgresServer) -> Iterator[str]:
    """The address of a fresh, empty PostgreSQL database."""
    name = postgresql.create_database()
    yield postgresql.database_url(name)
    postgresql.start()  # the test may have stopped it
    postgresql.drop_database(name)


@pytest.fixture(scope="session")
def migrated_database(postgres_process: PostgresServer) -> str:
    """A PostgreSQL database with the relay's tables, for one test after the other."""
    postgres_process.start()
    name = postgres_process.create_database()
    _migrate(postgres_process.database_url(name))
    _settle(postgres_process)
    return name


@pytest.fixture
def migrated_postgresql_url(postgresql: PostgresServer, migrated_database: str) -> Iterator[str]:
    """The address of a PostgreSQL database with the relay's tables, all empty.

    They are emptied behind each test, which takes 2 ms; a database for each, copied from another, takes 180 ms.
    """
    yield postgresql.database_url(migrated_database)
    postgresql.start()
    _empty(postgresql.database_url(migrated_database))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the relay's tables, to copy."""
    path = tmp_path_factory.mktemp("migrated") / "relay.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def migrated_sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """The address of a fresh SQLite database with the relay's tables."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'relay.db')}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh, empty database, once of each kind that the relay works with."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'relay.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def migrated_database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database with the relay's tables, once of each kind."""
    return str(request.getfixturevalue(f"migrated_{request.param}_url"))


@pytest.fixture(scope="session")
def synapse_process() -> Iterator[SynapseServer]:
    """One Matrix homeserver for this test process."""
    with SynapseServer() as server:
        yield server


@pytest.fixture
def synapse(synapse_process: SynapseServer) -> SynapseServer:
    """A running Matrix homeserver; rooms and people of other tests are in it, so take names of your own."""
    synapse_process.start()
    return synapse_process


@pytest.fixture(scope="session")
def tight_synapse() -> Iterator[SynapseServer]:
    """A Matrix homeserver that answers each person's fifth message in a row with 429; take names of your own."""
    with SynapseServer(tight=True) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; a test opens a context of its own, which has seen nothing, and closes it.

    It ends with its module: Playwright keeps an event loop running in the thread, in which no other test could run one.
    """
    program = require(Server.BROWSER)
    # Chromium's sandbox refuses to work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a browser that has seen nothing; an error that no script catches fails the test."""
    errors: list[str] = []
    tab = browser.new_page()
    tab.set_default_timeout(10_000)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    tab.close()
    assert errors == []


def _settle(server: PostgresServer) -> None:
    """Wait until leases that run out count: not in the first moments after a start."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("SELECT pg_sleep_until(pg_postmaster_start_time() + interval '3.1 seconds')")


def _migrate(url: str) -> None:
    database = Database(url, pool=1)
    schema.upgrade(database)
    database.close()


def _empty(url: str) -> None:
    """Remove every row, whoever is still connected, and count ids from one again."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with connection.transaction():
            for table in reversed(metadata.sorted_tables):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
            connection.execute("UPDATE alembic_version SET version_num = %s", [schema.HEAD])
        connection.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)"
            " FROM pg_sequences WHERE last_value IS NOT NULL"
        )
