from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.errors import ConfigurationError
from app.storage import portals
from app.storage.database import Database, DatabaseAway
from tests.app.storage.rows import PORTAL, Rows
from tests.servers.postgres_server import PostgresServer


def count(database: Database) -> int:
    with database.read() as connection:
        return len(portals.every(connection))


def add(database: Database, portal: int) -> None:
    with database.write() as connection:
        portals.add(connection, portal, name="", refresh_token="sealed")


# Addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "://",
        "mysql://root:hunter2@localhost/relay",
        "redis://:hunter2@localhost",
        "postgresql://relay:hunter2@localhost:port/relay",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_an_address_that_cannot_work_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ConfigurationError, match="RELAY_DATABASE_URL") as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_spelling_of_postgresql_is_taken(scheme: str) -> None:
    database = Database(f"{scheme}://relay:secret@127.0.0.1:1/relay")
    assert not database.is_sqlite
    assert database.url.drivername == "postgresql+psycopg"
    assert database.url.password == "secret"


def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    database = Database(f"sqlite:///{path}")
    assert database.is_sqlite
    assert not path.exists()


# Transactions -------------------------------------------------------------------------------------------------------


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    class OwnError(Exception):
        pass

    def half() -> None:
        with database.write() as connection:
            portals.add(connection, 1, name="", refresh_token="x")
            raise OwnError

    with pytest.raises(OwnError):
        half()
    assert count(database) == 0
    add(database, 1)
    assert count(database) == 1


def test_a_read_sees_what_is_committed_and_keeps_nothing(database: Database) -> None:
    add(database, 1)
    assert count(database) == 1
    if database.is_sqlite:
        with database.read() as connection:
            assert connection.execute(text("PRAGMA query_only")).scalar_one() == 0
    assert count(database) == 1


def test_reading_on_postgresql_takes_no_transaction_and_writing_does_again(postgres: Database) -> None:
    for _ in range(2):  # the second time on the same connection
        with postgres.read() as connection:
            assert connection.execute(text("SELECT pg_current_xact_id_if_assigned() IS NULL")).scalar_one()
            first = connection.execute(text("SELECT transaction_timestamp()")).scalar_one()
            assert connection.execute(text("SELECT transaction_timestamp()")).scalar_one() > first
        with postgres.write() as connection:
            first = connection.execute(text("SELECT transaction_timestamp()")).scalar_one()
            assert connection.execute(text("SELECT transaction_timestamp()")).scalar_one() == first


def test_one_statement_that_writes_is_a_transaction_of_its_own(postgres: Database) -> None:
    add(postgres, 1)
    with postgres.write_one() as connection:
        connection.execute(text("UPDATE portals SET name = 'alone'"))
        with postgres.read() as other:
            assert other.execute(text("SELECT name FROM portals")).scalar_one() == "alone"
    with postgres.write() as connection:
        connection.execute(text("UPDATE portals SET name = 'together'"))
        with postgres.read() as other:
            assert other.execute(text("SELECT name FROM portals")).scalar_one() == "alone"


def test_what_one_statement_writes_is_kept(database: Database) -> None:
    with database.write_one() as connection:
        portals.add(connection, 1, name="", refresh_token="x")
    assert count(database) == 1


def test_references_are_checked(database: Database) -> None:
    rows = Rows(database)
    with pytest.raises(IntegrityError) as caught:
        rows.message(10**6)
    assert not isinstance(caught.value, DatabaseAway)


def test_a_connection_in_use_is_closed_when_it_is_given_back(database: Database) -> None:
    """A thread may outlive the services that it works with."""
    with database.read() as connection:
        used = connection.connection.dbapi_connection
        assert used is not None
        database.close()
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    with pytest.raises((psycopg.OperationalError, sqlite3.ProgrammingError), match="closed"):
        used.cursor().execute("SELECT 1")
    with database.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


# SQLite -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
def test_every_connection_to_sqlite_is_durable_and_patient(sqlite: Database, pragma: str, value: object) -> None:
    with sqlite.read() as first, sqlite.read() as second:
        for connection in (first, second):
            assert connection.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


def test_a_writer_on_sqlite_takes_the_lock_before_it_reads(sqlite: Database, migrated_sqlite_url: str) -> None:
    impatient = Database(migrated_sqlite_url)
    with impatient.read() as connection:
        connection.execute(text("PRAGMA busy_timeout = 0"))
    with sqlite.write():
        assert count(impatient) == 0
        with pytest.raises(DatabaseAway, match="locked"), impatient.write():
            pytest.fail("began beside another writer")
    add(impatient, 1)
    impatient.close()


def test_a_writer_on_sqlite_waits_for_another(sqlite: Database) -> None:
    began, order = threading.Event(), []

    def second() -> None:
        began.wait(timeout=10)
        with sqlite.write():
            order.append("second")

    waiter = threading.Thread(target=second)
    waiter.start()
    with sqlite.write():
        began.set()
        time.sleep(0.1)
        order.append("first")
    waiter.join()
    assert order == ["first", "second"]


def test_read_then_write_is_never_refused_on_sqlite(sqlite: Database) -> None:
    Rows(sqlite)
    errors: list[BaseException] = []

    def count_up() -> None:
        try:
            for _ in range(10):
                with sqlite.write() as connection:
                    version = connection.execute(text("SELECT token_version FROM portals")).scalar_one()
                    connection.execute(text("UPDATE portals SET token_version = :next"), {"next": version + 1})
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    workers = [threading.Thread(target=count_up) for _ in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    with sqlite.read() as connection:
        portal = portals.get(connection, PORTAL)
    assert portal is not None
    assert portal.token_version == 160


# Away ---------------------------------------------------------------------------------------------------------------


@pytest.mark.postgresql
def test_a_server_that_stopped_is_away_and_comes_back(postgresql: PostgresServer, postgres: Database) -> None:
    add(postgres, 1)
    postgresql.stop()
    for _ in range(2):
        with pytest.raises(DatabaseAway):
            count(postgres)
    postgresql.start()
    assert count(postgres) == 1


def test_a_server_that_is_not_there_is_away() -> None:
    database = Database("postgresql://relay@127.0.0.1:1/relay")
    with pytest.raises(DatabaseAway):
        count(database)
    database.close()


def test_a_folder_that_is_not_there_is_away(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'relay.db'}")
    with pytest.raises(DatabaseAway):
        count(database)
    database.close()
