from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.relay import stored
from app.storage.database import Connection, Database
from app.storage.tables import messages


def test_a_fact_is_repeated_until_the_database_has_it(
    monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str
) -> None:
    monkeypatch.setattr(stored, "_PAUSES", (0.001, 0.002))
    database = Database(migrated_sqlite_url)
    away = [OperationalError("", None, Exception("away")) for _ in range(5)]

    def record(connection: Connection) -> int:
        if away:
            raise away.pop()
        return int(connection.execute(select(func.count()).select_from(messages)).scalar_one())

    assert stored.until_stored(database, record) == 0
    assert away == []
    database.close()


def test_a_bug_is_not_repeated(migrated_sqlite_url: str) -> None:
    database = Database(migrated_sqlite_url)

    def record(_connection: Connection) -> None:
        raise KeyError("surprise")

    with pytest.raises(KeyError):
        stored.until_stored(database, record)
    database.close()
