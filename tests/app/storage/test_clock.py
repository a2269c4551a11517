from __future__ import annotations

import sqlite3
import time

import pytest
import time_machine
from sqlalchemy import select, text

from app.storage import clock, lanes, rings
from app.storage import tables as t
from app.storage.database import Database
from tests.app.storage.rows import Rows
from tests.servers.postgres_server import PostgresServer

#: 2001, far from any machine's boot.
FAR = 1_000_000_000.0


def times(*databases: Database) -> list[float]:
    found = []
    for database in databases:
        with database.read() as connection:
            found.append(lanes.clock(connection))
    return found


def test_the_clock_goes_on_between_statements(database: Database) -> None:
    with database.read() as connection:
        first = lanes.clock(connection)
        time.sleep(0.02)
        assert 0.01 < lanes.clock(connection) - first < 5


def test_on_postgresql_the_clock_stands_still_within_a_statement(postgres: Database) -> None:
    with postgres.read() as connection:
        row = connection.execute(select(clock.now(), text("pg_sleep(0.02)"), clock.now())).one()
        assert row[0] == row[2]


@pytest.mark.slow
def test_right_after_a_start_of_postgresql_no_lease_counts_as_run_out(
    postgresql: PostgresServer, postgres: Database
) -> None:
    rows = Rows(postgres)
    lane = rows.due_lane()
    assert rows.write(lanes.claim, lane, owner="who died", lease=-1.0) is not None
    postgresql.restart()
    postgres.close()  # its connections are dead
    assert rows.write(lanes.claim, lane, owner="who was faster than the dead", lease=9.0) is None
    with postgres.read() as connection:
        connection.execute(text("SELECT pg_sleep_until(pg_postmaster_start_time() + interval '3.1 seconds')"))
    assert rows.write(lanes.claim, lane, owner="who waited", lease=9.0) is not None


def test_on_postgresql_it_is_the_servers_clock(postgres: Database) -> None:
    with time_machine.travel(FAR, tick=True), postgres.read() as connection:
        servers = connection.execute(text("SELECT extract(epoch from clock_timestamp())")).scalar_one()
        assert lanes.clock(connection) == pytest.approx(float(servers), abs=5)
        assert lanes.clock(connection) > FAR + 86_400


def test_on_sqlite_it_begins_at_the_wall_clock(migrated_sqlite_url: str) -> None:
    database = Database(migrated_sqlite_url)
    with database.write() as connection:
        connection.execute(t.boots.delete())
    database.close()
    again = Database(migrated_sqlite_url)
    (at,) = times(again)
    assert at == pytest.approx(time.time(), abs=5)
    with again.read() as connection:
        assert len(connection.execute(t.boots.select()).all()) == 1
    again.close()


def test_on_sqlite_processes_that_start_at_different_wall_clocks_agree(migrated_sqlite_url: str) -> None:
    first = Database(migrated_sqlite_url)
    (before,) = times(first)
    with time_machine.travel(FAR, tick=True):
        second = Database(migrated_sqlite_url)
        old, new = times(first, second)
    assert old == pytest.approx(before, abs=5)
    assert 0 <= new - old < 5
    first.close()
    second.close()


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_on_sqlite_a_wall_clock_that_jumps_neither_ends_nor_freezes_leases(sqlite: Database, jump: float) -> None:
    rows = Rows(sqlite)
    lane = rows.claimed()
    due = rows.lane("due")
    rows.set(t.lanes, due, due=rows.now() - 0.01)
    with time_machine.travel(time.time() + jump, tick=True):
        assert rows.write(lanes.claim, lane.id, owner="thief", lease=60) is None
        assert [one.id for one in rows.read(rings.due, each=10)] == [due]
        assert rows.claim(due).id == due


def test_another_boot_has_an_anchor_of_its_own(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Database(migrated_sqlite_url)
    (before,) = times(first)
    monkeypatch.setattr(clock, "_boot_id", lambda: "the next boot")
    monkeypatch.setattr(clock, "_boot_clock", lambda: 12.0)
    second = Database(migrated_sqlite_url)
    (after,) = times(second)
    assert after == pytest.approx(before, abs=5)
    with second.read() as connection:
        assert "the next boot" in connection.execute(select(t.boots.c.boot_id)).scalars().all()
    first.close()
    second.close()


def test_before_the_first_migration_it_is_the_wall_clock() -> None:
    connection = sqlite3.connect(":memory:")
    clock.install(connection)
    (at,) = connection.execute("SELECT relay_now()").fetchone()
    connection.close()
    assert at == pytest.approx(time.time(), abs=5)


def test_due_lanes_are_found_by_their_index(postgres: Database) -> None:
    rows = Rows(postgres)
    rows.lane()
    with postgres.write() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.execute(
            text(
                "EXPLAIN SELECT id FROM lanes WHERE due <= extract(epoch from statement_timestamp())::double precision"
            )
        ).scalars()
        assert "ix_lanes_due" in "\n".join(plan)
