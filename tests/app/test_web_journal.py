from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.relay.services import Services
from app.settings import Settings
from app.web import create_app
from tests.app.relay.journaling import journal_of
from tests.app.relay.world import basic_settings, hubspot_headers, outgoing


@pytest.fixture
def client(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[FlaskClient]:
    """The web application with a journal and a database that was never there."""
    Path(migrated_sqlite_url.removeprefix("sqlite:///")).unlink()
    settings = basic_settings(tmp_path, database_url=f"sqlite:///{tmp_path}/no/folder/relay.db", journal=True)
    app = create_app(settings)
    yield app.test_client()
    services: Services = app.extensions["relay"]
    services.close()


def test_hubspot_is_believed_by_the_client_secret_alone(client: FlaskClient, tmp_path: Path) -> None:
    body = json.dumps(outgoing()).encode()
    headers = hubspot_headers("http://127.0.0.1:1/webhooks/hubspot", body)
    assert client.post("/webhooks/hubspot", data=body, headers=headers).status_code == 204
    assert client.post("/webhooks/hubspot", data=body + b" ", headers=headers).status_code == 401
    assert len(list((tmp_path / "journal").glob("*.journal"))) == 1


def test_an_account_that_nobody_remembers_is_503(client: FlaskClient) -> None:
    answer = client.post("/webhooks/loopback/any", data=b"{}")
    assert answer.status_code == 503
    assert "Come again" in answer.get_json()["error"]


def test_without_the_setting_there_is_no_journal(tmp_path: Path) -> None:
    settings: Settings = basic_settings(tmp_path)
    services: Services = create_app(settings).extensions["relay"]
    assert services.journal is None
    assert not (tmp_path / "journal").exists()
    services.close()


def test_closing_ends_the_journals_threads(client: FlaskClient) -> None:
    services: Services = client.application.extensions["relay"]
    keeper = journal_of(services)._keeper  # noqa: SLF001
    services.close()
    assert not keeper.is_alive()
