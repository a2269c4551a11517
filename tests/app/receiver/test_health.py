from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from app.relay.services import build
from app.settings import Settings
from app.storage import schema
from app.storage.database import Database
from app.web import create_app
from tests.app.relay.world import RelayWorld, basic_settings, free_port


def ask(settings: Settings, path: str) -> tuple[int, str]:
    """Ask a receiver of these settings without a server around it."""
    services = build(settings)
    answer = create_app(settings, services).test_client().get(path)
    services.close()
    return answer.status_code, answer.text


@pytest.fixture
def settings(tmp_path: Path, migrated_database_url: str) -> Settings:
    return basic_settings(tmp_path, database_url=migrated_database_url)


def test_a_process_that_answers_is_alive(settings: Settings) -> None:
    assert ask(settings, "/livez") == (200, '{"status":"alive"}\n')


def test_a_relay_with_all_it_needs_is_ready(settings: Settings) -> None:
    status, body = ask(settings, "/readyz")
    assert (status, json.loads(body)) == (200, {"ready": True, "reasons": [], "warnings": []})


def test_an_empty_database_is_not_ready_and_the_answer_says_what_to_run(tmp_path: Path, database_url: str) -> None:
    status, body = ask(basic_settings(tmp_path, database_url=database_url), "/readyz")
    assert (status, json.loads(body)["ready"]) == (503, False)
    assert "relay db upgrade" in json.loads(body)["reasons"][0]


def test_an_old_database_is_not_ready(settings: Settings) -> None:
    database = Database(settings.database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    database.close()
    status, body = ask(settings, "/readyz")
    assert status == 503
    assert f"not {schema.HEAD}" in json.loads(body)["reasons"][0]


def test_a_database_that_is_away_is_a_reason(settings: Settings) -> None:
    away = f"postgresql://relay@127.0.0.1:{free_port()}/relay"
    status, body = ask(settings.model_copy(update={"database_url": away}), "/readyz")
    assert status == 503
    assert "RELAY_DATABASE_URL" in json.loads(body)["reasons"][0]


def test_a_broker_that_is_away_is_a_warning_that_comes_quickly(settings: Settings) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    started = time.monotonic()
    status, body = ask(settings.model_copy(update={"broker_url": away}), "/readyz")
    assert (status, json.loads(body)["ready"]) == (200, True)
    assert "RELAY_BROKER_URL" in json.loads(body)["warnings"][0]
    assert time.monotonic() - started < 5


def test_what_was_counted_is_shown(light_relay: RelayWorld) -> None:
    light_relay.ask("POST", "/webhooks/nobody-asked-for-this/x", b"{}")
    status, headers, body = light_relay.ask("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert 'relay_webhooks_total{outcome="404",source="unknown"}' in body
    assert "nobody-asked" not in body
