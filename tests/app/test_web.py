from __future__ import annotations

import http.client
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import select

from app.cli.roles import web_command
from app.relay.services import Services, build
from app.settings import Settings
from app.storage.database import Database
from app.storage.tables import envelopes
from app.web import create_app
from tests.app.relay.world import CLIENT_SECRET, basic_settings, eventually, free_port, hubspot_headers

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path, migrated_sqlite_url: str) -> Settings:
    return basic_settings(tmp_path, port=free_port(), database_url=migrated_sqlite_url, web_threads=4)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    built = build(settings)
    yield built
    built.close()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/nowhere", "/webhooks/hubspot"])
def test_every_answer_carries_the_security_headers(settings: Settings, services: Services, path: str) -> None:
    answer = create_app(settings, services).test_client().get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_an_error_of_ours_is_500_and_shows_nothing(
    settings: Settings, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("a customer's text")

    monkeypatch.setattr("app.relay.accept.accept_hubspot", stumble)
    answer = create_app(settings, services).test_client().post("/webhooks/hubspot")
    assert answer.status_code == 500
    assert "Come again" in answer.get_json()["error"]
    assert "customer" not in answer.text


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a process of its own reads them."""
    return {
        "PATH": os.environ["PATH"],
        "RELAY_ENVIRONMENT": "test",
        "RELAY_DATA_DIR": str(settings.data_dir),
        "RELAY_DATABASE_URL": settings.database_url,
        "RELAY_BROKER_URL": settings.broker_url,
        "RELAY_PUBLIC_URL": settings.public_url,
        "RELAY_SECRET_KEYS": "a key of the tests",
        "RELAY_HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
    }


@pytest.fixture
def gunicorn(settings: Settings) -> Iterator[int]:
    """The web role as a process of its own. Gives its port."""
    bind = settings.public_url.removeprefix("http://")
    port = int(bind.partition(":")[2])
    with tempfile.TemporaryFile() as output:
        command = web_command(settings, bind)
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=REPOSITORY, env=environment(settings), stdout=output, stderr=output
        )
        try:
            eventually(lambda: _is_up(process, port, output), within=30)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _is_up(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> bool:
    if process.poll() is not None:
        output.seek(0)
        raise AssertionError(output.read().decode())
    try:
        return ask(port, "GET", "/livez") == 200
    except OSError:
        return False


def ask(port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.slow
def test_behind_gunicorn_the_signature_is_checked_on_the_address_as_it_came(settings: Settings, gunicorn: int) -> None:
    path = "/webhooks/hubspot"
    targets = [f"{path}?a=b%20c&d=%7Ee&f=g+h", f"{path}?%E2%82%AC=1&&x", path]
    for number, target in enumerate(targets):
        body = b'{"type": "CHANNEL_PAINTED", "portalId": 1, "eventId": "%d"}' % number
        headers = hubspot_headers(settings.public_url + target, body)
        assert ask(gunicorn, "POST", target, body, {**headers, "Host": "another.example"}) == 204
    unquoted = hubspot_headers(settings.public_url + f"{path}?a=b c&d=~e&f=g h", b"{}")
    assert ask(gunicorn, "POST", targets[0], b"{}", unquoted) == 401
    assert ask(gunicorn, "POST", "//webhooks/hubspot", b"{}", unquoted) in {401, 404}
    database = Database(settings.database)
    with database.read() as connection:
        stored = list(connection.execute(select(envelopes.c.url).order_by(envelopes.c.id)).scalars())
    database.close()
    assert stored == [settings.public_url + target for target in targets]


@pytest.mark.slow
def test_behind_gunicorn_a_body_is_limited_with_and_without_a_length(settings: Settings, gunicorn: int) -> None:
    large = settings.body_limit + 1
    announced = {"Content-Length": str(large)}
    assert ask(gunicorn, "POST", "/webhooks/hubspot", b"", announced) == 413
    connection = http.client.HTTPConnection("127.0.0.1", gunicorn, timeout=10)
    blocks = (b"x" * 500_000 for _ in range(large // 500_000 + 1))
    try:
        connection.request("POST", "/webhooks/hubspot", body=blocks, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # the answer came before the end of the body
    finally:
        connection.close()
    assert ask(gunicorn, "GET", "/livez") == 200
