from __future__ import annotations

import pytest
from sqlalchemy import Connection, update

from app.domain.webhook import RawRequest
from app.storage import envelopes, heartbeats
from app.storage.tables import heartbeats as table
from tests.app.storage.rows import Rows


def later(rows: Rows, seconds: float) -> None:
    def move(connection: Connection) -> None:
        connection.execute(update(table).values(since=table.c.since - seconds, at=table.c.at - seconds))

    rows.write(move)


def came(rows: Rows, source: str, dedupe: str) -> float:
    stored = rows.write(envelopes.store, RawRequest("POST", ""), source=source, dedupe=dedupe, account_id=None)
    assert stored is not None
    return stored.received_at


def test_a_beat_tells_how_long_none_came(rows: Rows) -> None:
    assert rows.read(heartbeats.get, "web") is None
    assert rows.write(heartbeats.beat, "web") == pytest.approx(0, abs=5)
    later(rows, 100)
    assert rows.write(heartbeats.beat, "web") == pytest.approx(100, abs=10)
    found = rows.read(heartbeats.get, "web")
    assert found is not None
    assert found.at - found.since == pytest.approx(100, abs=10)
    rows.write(heartbeats.forget, "web")
    assert rows.read(heartbeats.get, "web") is None


def test_the_newest_envelope_of_a_source_is_its_sign(rows: Rows) -> None:
    assert rows.read(heartbeats.has_news, "webhook")
    first = rows.write(heartbeats.look_for_webhooks, "webhook", "hubspot")
    assert first.at == pytest.approx(first.now, abs=5)
    assert not rows.read(heartbeats.has_news, "webhook")
    came(rows, "loopback", "1")
    assert rows.write(heartbeats.look_for_webhooks, "webhook", "hubspot").at == first.at
    at = came(rows, "hubspot", "2")
    came(rows, "loopback", "3")
    assert rows.read(heartbeats.has_news, "webhook")
    assert rows.write(heartbeats.look_for_webhooks, "webhook", "hubspot").at == at
    assert not rows.read(heartbeats.has_news, "webhook")


def test_a_time_is_told_once(rows: Rows) -> None:
    assert [rows.write(heartbeats.once, "silence", at) for at in (7.0, 7.0, 8.0, 8.0)] == [True, False, True, False]
