from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from app.storage.database import Database, DatabaseAway
from app.storage.patience import Patience
from tests.servers.frozen import frozen
from tests.servers.postgres_server import PostgresServer


@pytest.fixture
def patience(postgres: Database) -> Iterator[Patience]:
    made = Patience(postgres)
    yield made
    made.close()


def ask(database: Database, question: str = "SELECT 1") -> object:
    with database.write() as connection:
        return connection.execute(text(question)).scalar_one()


def test_a_statement_that_gets_no_answer_ends(postgres: Database, patience: Patience) -> None:
    with pytest.raises(DatabaseAway), patience.limit(0.2):
        ask(postgres, "SELECT pg_sleep(50)")
    with patience.limit(5):
        assert ask(postgres) == 1


def test_a_stopped_server_is_given_up_with_an_old_and_with_a_new_connection(
    postgres: Database, patience: Patience, postgresql: PostgresServer
) -> None:
    assert ask(postgres) == 1
    with frozen(postgresql):
        for _ in ("idle before", "made now"):
            with pytest.raises(DatabaseAway), patience.limit(0.2):
                ask(postgres)
    with patience.limit(5):
        assert ask(postgres) == 1


def test_a_commit_that_gets_no_answer_ends(postgres: Database, patience: Patience, postgresql: PostgresServer) -> None:
    with ExitStack() as stack:

        def commit() -> None:
            with postgres.write() as connection:
                connection.execute(text("CREATE TABLE unsure (id int)"))
                stack.enter_context(frozen(postgresql))

        with pytest.raises(DatabaseAway), patience.limit(0.5):
            commit()


def test_who_asks_without_a_limit_is_left_alone(postgres: Database, patience: Patience) -> None:
    with pytest.raises(DatabaseAway), patience.limit(0.1):
        ask(postgres, "SELECT pg_sleep(50)")
    assert ask(postgres, "SELECT 1 FROM pg_sleep(0.5)") == 1


def test_a_connection_that_was_given_back_is_not_ended_with_its_last_user(
    postgres: Database, patience: Patience
) -> None:
    used = []

    def use_it_for_longer() -> None:
        used.append(ask(postgres, "SELECT pg_backend_pid() FROM pg_sleep(0.6)"))

    thread = threading.Thread(target=use_it_for_longer)
    with patience.limit(0.1):
        used.append(ask(postgres, "SELECT pg_backend_pid()"))
        thread.start()
        thread.join()
    assert used[0] == used[1]


def test_sqlite_has_no_limit(sqlite: Database) -> None:
    patience = Patience(sqlite)
    with patience.limit(0):
        assert ask(sqlite) == 1
    patience.close()
