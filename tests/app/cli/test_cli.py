from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from app.cli import COMMANDS, main
from tests.app.cli.conftest import Terminal


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_there_and_explains_itself(name: str) -> None:
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None
    assert command.help


def test_the_list_of_commands_imports_none_of_them() -> None:
    code = "import sys, app.cli; app.cli.main.list_commands(None); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert {"sqlalchemy", "celery", "flask", "app.storage", "app.cli.accounts"} & set(run.stdout.split()) == set()


def test_help_names_every_command(terminal: Terminal) -> None:
    text = terminal.out("--help")
    assert [name for name in COMMANDS if f"  {name} " not in text] == []


def test_an_unknown_command_is_wrong_usage(terminal: Terminal) -> None:
    assert "No such command" in terminal.refusal("frobnicate", status=2)


def test_a_missing_database_is_told_with_what_to_do(terminal: Terminal, tmp_path: Path) -> None:
    assert "relay db upgrade" in terminal.refusal("messages", "list")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_is_told_with_what_to_do(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "relay.db").touch()
    assert "relay db upgrade" in terminal.refusal("accounts", "list")


def test_a_database_that_cannot_be_opened_is_told(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "relay.db").mkdir()
    assert "RELAY_DATABASE_URL" in terminal.refusal("accounts", "list")


def test_a_wrong_setting_is_told(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_DEADLINE", "soon")
    assert "RELAY_DEADLINE" in terminal.refusal("portals", "list")


def test_upgrade_makes_the_database_once(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RELAY_DATA_DIR", str(tmp_path / "new" / "folder"))
    assert "was upgraded" in terminal.out("db", "upgrade")
    assert "is up to date" in terminal.out("db", "upgrade")
    assert "adds one" in terminal.out("portals", "list")


def test_a_data_folder_that_cannot_be_made_is_told(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RELAY_DATA_DIR", str(tmp_path / "file" / "data"))
    assert "RELAY_DATA_DIR" in terminal.refusal("db", "upgrade")


def test_an_id_that_is_no_number_is_wrong_usage(terminal: Terminal) -> None:
    assert "'seven' is not a valid number" in terminal.refusal("messages", "show", "seven", status=2)
