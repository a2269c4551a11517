from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.hubspot.app_project import project
from app.relay.app_project import write
from app.settings import Settings

SETTINGS = Settings(environment="test", public_url="https://relay.example.com")
MOVED = Settings(environment="test", public_url="https://moved.example.com")


def written(folder: Path) -> dict[str, object]:
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_files_are_written_and_a_second_time_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "app"
    assert sorted(path.relative_to(folder).as_posix() for path in write(SETTINGS, folder)) == sorted(project(SETTINGS))
    assert written(folder) == project(SETTINGS)
    assert write(SETTINGS, folder) == []


def test_other_contents_are_never_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "hsproject.json").write_text('{"name": "another project"}')
    with pytest.raises(ConfigurationError, match=r"hsproject\.json would be overwritten"):
        write(SETTINGS, tmp_path)
    assert written(tmp_path) == {"hsproject.json": {"name": "another project"}}


def test_after_a_change_of_settings_only_what_differs_is_written(tmp_path: Path) -> None:
    write(SETTINGS, tmp_path)
    with pytest.raises(ConfigurationError, match="--force"):
        write(MOVED, tmp_path)
    assert written(tmp_path) == project(SETTINGS)
    changed = {path.name for path in write(MOVED, tmp_path, force=True)}
    assert changed == {"app-hsmeta.json", "webhooks-hsmeta.json"}
    assert written(tmp_path) == project(MOVED)


def test_files_of_others_beside_ours_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    write(SETTINGS, tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
