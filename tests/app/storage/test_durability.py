from __future__ import annotations

import pytest

from app.storage import durability
from app.storage.database import Database


def test_the_relays_own_databases_are_durable(database: Database) -> None:
    with database.read() as connection:
        kept = durability.read(connection)
    # the tests' PostgreSQL may run without fsync, because nothing in it has to outlive a power cut
    expected = database.is_sqlite or kept.settings["fsync"] == "on"
    assert kept.is_durable is expected
    assert set(kept.settings) == (
        {"synchronous", "journal_mode"} if database.is_sqlite else {"fsync", "synchronous_commit"}
    )


@pytest.mark.parametrize(("level", "durable"), [("OFF", False), ("NORMAL", False), ("FULL", True), ("EXTRA", True)])
def test_sqlites_levels(sqlite: Database, level: str, durable: bool) -> None:  # noqa: FBT001
    raw = sqlite.engine.raw_connection()
    raw.cursor().execute(f"PRAGMA synchronous={level}")
    raw.close()
    with sqlite.read() as connection:
        kept = durability.read(connection)
    assert (kept.is_durable, kept.settings) == (durable, {"synchronous": level.lower(), "journal_mode": "wal"})


def test_a_commit_that_may_be_lost(postgres: Database) -> None:
    with postgres.write() as connection:
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        kept = durability.read(connection)
    assert not kept.is_durable
    assert kept.settings["synchronous_commit"] == "off"
