from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from app.cli.addresses import check_port, check_urls, free_port
from app.errors import ConfigurationError
from app.settings import Settings
from tests.app.cli.conftest import Terminal


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_taken_port_is_told_with_what_to_do(taken: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"127\.0\.0\.1:{taken} \(another program does\): set RELAY_PORT\."):
        check_port("127.0.0.1", taken, fix="set RELAY_PORT")


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1"):
        check_port("192.0.2.1", 8000, fix="set RELAY_HOST")


def test_a_free_port_passes(taken: int) -> None:
    port = free_port(taken)
    assert port != taken
    check_port("127.0.0.1", port, fix="set RELAY_PORT")
    assert free_port(port) == port


@pytest.mark.parametrize("url", ["nonsense", "mysql://somebody@127.0.0.1/relay"])
def test_another_kind_of_database_is_told(url: str) -> None:
    with pytest.raises(ConfigurationError, match="RELAY_DATABASE_URL"):
        check_urls(Settings(database_url=url))


def test_another_kind_of_broker_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"RELAY_BROKER_URL is of 'http'.*redis://"):
        check_urls(Settings(broker_url="http://127.0.0.1"))


@pytest.mark.parametrize("broker", ["", "redis://127.0.0.1:6379/0", "amqp://guest@127.0.0.1"])
def test_what_the_relay_works_with_passes(broker: str) -> None:
    check_urls(Settings(database_url="postgresql+psycopg://relay@127.0.0.1/relay", broker_url=broker))


@pytest.mark.parametrize("role", ["up", "web", "simulator"])
def test_a_role_says_that_its_port_is_taken(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, taken: int, role: str
) -> None:
    for name, value in {"ENVIRONMENT": "test", "PORT": taken, "BROKER_URL": "redis://127.0.0.1:1/0"}.items():
        monkeypatch.setenv(f"RELAY_{name}", str(value))
    words = [role, "--port", taken] if role == "simulator" else [role]
    assert str(taken) in terminal.refusal(*words)
