from __future__ import annotations

from contextlib import closing
from dataclasses import astuple

from sqlalchemy import create_engine, inspect

from app.bench.raw import IdleWorker, RawParts
from app.bench.stub import Kind, StubServer


def test_every_part_is_measured_at_real_servers_and_nothing_is_left_behind(redis_url: str, database_url: str) -> None:
    with StubServer() as stub, IdleWorker(redis_url, threads=2) as idle:
        parts = RawParts(idle, database_url=database_url, redis_url=redis_url, api_url=stub.url)
        with closing(parts):
            found = parts.measure(20)
        assert stub.counts() == {Kind.PUBLISH: 20}
    assert all(one >= 0 for one in astuple(found))
    assert found.message >= 2 * found.transaction + found.post
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    assert inspect(engine).get_table_names() == []
    engine.dispose()
