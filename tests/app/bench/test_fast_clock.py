from __future__ import annotations

import time

import psycopg
import pytest
from sqlalchemy import text

from app.bench import fast_clock
from app.storage import lanes, schema
from app.storage.database import Database
from tests.app.storage.rows import Rows


@pytest.fixture
def fast(postgresql_url: str) -> str:
    return fast_clock.speed_up(postgresql_url, 100)


def test_the_relays_clock_is_faster_and_nobody_elses(fast: str, postgresql_url: str) -> None:
    database, plain = Database(fast, pool=1), Database(postgresql_url, pool=1)
    with database.read() as one, plain.read() as other:
        begun = lanes.clock(other)
        first, beginning = lanes.clock(one), time.monotonic()
        one.execute(text("SELECT pg_sleep(0.1)"))
        passed, real = lanes.clock(one) - first, time.monotonic() - beginning
        assert 10 <= passed <= real * 100 + 1
        assert begun <= lanes.clock(other) <= begun + real + 5
    database.close()
    plain.close()


def test_the_tables_stand_where_they_always_do(fast: str, postgresql_url: str) -> None:
    database = Database(fast, pool=1)
    schema.upgrade(database)  # as whoever starts a relay on it does
    assert schema.current(database) == schema.HEAD
    database.close()
    with psycopg.connect(postgresql_url) as connection:
        found = connection.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('lanes', 'messages')")
        assert found.fetchall() == [("public",)]


def test_leases_and_due_times_go_by_it(fast: str) -> None:
    database = Database(fast, pool=2)
    rows = Rows(database)
    lane = rows.claim(rows.due_lane(), lease=60)
    with database.read() as connection:
        connection.execute(text("SELECT pg_sleep(0.7)"))
    assert rows.claim(lane.id, "other").owner == "other"
    database.close()


def test_the_index_on_due_times_is_still_used(fast: str) -> None:
    database = Database(fast, pool=1)
    with database.read() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        query = "EXPLAIN SELECT id FROM lanes WHERE due <= extract(epoch from statement_timestamp())::double precision"
        plan = "\n".join(connection.execute(text(query)).scalars())
    database.close()
    assert "ix_lanes_due" in plan
    assert "Index Cond: (due <=" in plan
