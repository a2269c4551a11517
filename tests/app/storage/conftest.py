from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.storage.database import Database
from tests.app.storage.rows import Rows


@pytest.fixture
def database(migrated_database_url: str) -> Iterator[Database]:
    """A database with the relay's tables, once of each kind."""
    yield from _opened(migrated_database_url)


@pytest.fixture
def sqlite(migrated_sqlite_url: str) -> Iterator[Database]:
    """A SQLite database with the relay's tables."""
    yield from _opened(migrated_sqlite_url)


@pytest.fixture
def postgres(migrated_postgresql_url: str) -> Iterator[Database]:
    """A PostgreSQL database with the relay's tables."""
    yield from _opened(migrated_postgresql_url)


@pytest.fixture
def rows(database: Database) -> Rows:
    """One portal and one account, on each database."""
    return Rows(database)


def _opened(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()
