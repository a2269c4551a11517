"""The ``relay`` command on a whole relay, or on a machine where nothing is set up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tests.app.relay.world import RelayWorld, relay_world

_PASSED_ON = (
    *(
        "environment",
        "data_dir",
        "database_url",
        "public_url",
        "hubspot_api_url",
        "hubspot_app_id",
        "hubspot_client_id",
    ),
    *("hubspot_client_secret", "hubspot_developer_api_key", "secret_keys", "allowed_private_hosts"),
)


class Terminal:
    """Where the command is typed."""

    def run(self, *words: object, status: int = 0) -> Result:
        """Run a command that must end with this status and without a traceback."""
        result = CliRunner().invoke(main, [str(word) for word in words])
        assert result.exit_code == status, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def out(self, *words: object) -> str:
        """Run a command that must succeed; return what it prints."""
        return self.run(*words).stdout

    def json(self, *words: object, status: int = 0) -> Any:
        """Run a command that prints JSON."""
        return json.loads(self.run(*words, "--json", status=status).stdout)

    def refusal(self, *words: object, status: int = 1) -> str:
        """Run a command that must fail; return what it says."""
        result = self.run(*words, status=status)
        assert "Traceback" not in result.output
        return result.stderr


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in an empty folder, with no setting but the folder's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RELAY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RELAY_ENVIRONMENT", "test")
    return Terminal()


@pytest.fixture
def relay(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    terminal: Terminal,  # noqa: ARG001 - its folder and its environment come first
    migrated_sqlite_url: str,
) -> Iterator[RelayWorld]:
    """A relay with a portal and a loopback account, to which the terminal's settings lead; no worker runs."""
    with relay_world(tmp_path, monkeypatch, migrated_sqlite_url) as world:
        for name in _PASSED_ON:
            monkeypatch.setenv(f"RELAY_{name.upper()}", plain(getattr(world.services.settings, name)))
        yield world


def plain(value: Any) -> str:
    """A setting as it is written in the environment."""
    if isinstance(value, tuple):
        return ",".join(map(plain, value))
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
