from __future__ import annotations

import pytest

from app.cli.catalogue import without_password
from app.connectors import registry
from app.settings import Settings
from tests.app.cli.conftest import Terminal


def test_lists_every_connector(terminal: Terminal) -> None:
    lines = terminal.json("connectors")
    assert [line["name"] for line in lines] == list(registry.names())
    loopback = next(line for line in lines if line["name"] == "loopback")
    token = next(one for one in loopback["credentials"] if one["name"] == "token")
    assert (token["required"], token["secret"]) == (True, True)
    assert "registers its webhook" in loopback["abilities"]
    assert "token, secret?" in terminal.out("connectors")


def test_connectors_as_markdown(terminal: Terminal) -> None:
    lines = terminal.out("connectors", "--markdown").splitlines()
    assert len(lines) == len(registry.names()) + 2
    assert len({line.count(" | ") for line in lines}) == 1


def test_lists_every_setting(terminal: Terminal) -> None:
    names = {line["name"] for line in terminal.json("settings")}
    assert names >= {f"RELAY_{name.upper()}" for name in Settings.model_fields} | {"RELAY_TELEGRAM_API_URL"}
    assert "RELAY_DEADLINE" in terminal.out("settings")


def test_values_of_secrets_are_not_shown(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_SECRET_KEYS", "first-key,second-key")
    monkeypatch.setenv("RELAY_HUBSPOT_CLIENT_SECRET", "very-secret")
    monkeypatch.setenv("RELAY_DATABASE_URL", "postgresql://relay:pass-word@db/relay")
    for words in (("settings",), ("settings", "--json"), ("settings", "--markdown")):
        text = terminal.out(*words)
        assert [word for word in ("first-key", "second-key", "very-secret", "pass-word") if word in text] == []
    values = {line["name"]: line["value"] for line in terminal.json("settings")}
    assert values["RELAY_SECRET_KEYS"] == "2 set"
    assert values["RELAY_HUBSPOT_CLIENT_SECRET"] == "set"
    assert values["RELAY_CONSOLE_PASSWORD"] == "not set"
    assert values["RELAY_DATABASE_URL"] == "postgresql://relay:***@db/relay"


def test_the_documentation_does_not_depend_on_the_machine(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    before = terminal.out("settings", "--markdown")
    monkeypatch.setenv("RELAY_PORT", "1234")
    assert terminal.out("settings", "--markdown") == before


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:word@host:6379/0", "redis://:***@host:6379/0"),
        ("amqp://user:w@rd@host//", "amqp://user:***@host//"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("https://user@host/path", "https://user@host/path"),
        ("console", "console"),
        ("", ""),
    ],
)
def test_passwords_in_addresses(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_connector_is_checked(terminal: Terminal) -> None:
    report = terminal.json("test-connector", "loopback")
    assert report["passed"]
    assert {one["outcome"] for one in report["results"]} == {"passed", "skipped"}


def test_an_unknown_connector_is_told(terminal: Terminal) -> None:
    assert "no connector 'pigeon'" in terminal.refusal("test-connector", "pigeon")
