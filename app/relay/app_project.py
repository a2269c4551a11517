"""Writes the developer-platform project of the HubSpot app into a folder, and never over somebody else's files."""

from __future__ import annotations

import json
from pathlib import Path

from app.errors import ConfigurationError
from app.hubspot.app_project import project
from app.settings import Settings


def write(settings: Settings, folder: Path, *, force: bool = False) -> list[Path]:
    """Write the project's files. Returns those that changed, none when all are as they should be.

    ``force``: also over files with other contents.

    Raises:
        ConfigurationError: there are such files, and nothing was written; or the public address is not for an app.
        OSError: the folder cannot be used.
    """
    wanted = {folder / path: f"{json.dumps(content, indent=2)}\n" for path, content in project(settings).items()}
    there = {path: path.read_text(encoding="utf-8", errors="replace") for path in wanted if path.exists()}
    others = [str(path) for path, text in there.items() if text != wanted[path]]
    if others and not force:
        raise ConfigurationError(
            f"{', '.join(others)} would be overwritten: choose another folder, or say --force where they are this "
            "command's own."
        )
    changed = [path for path, text in wanted.items() if there.get(path) != text]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return changed
