"""What pages say, in the reader's language: one file a language in ``texts/``, chosen by Accept-Language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import request

_FOLDER: Final = Path(__file__).parent / "texts"

#: Spoken where none of the reader's languages is here. Connectors describe their fields in it.
FALLBACK: Final = "en"


@dataclass(frozen=True)
class Language:
    """One language: ``tag`` as HTML names it, and its texts by table and name."""

    tag: str
    texts: Mapping[str, Any]

    def say(self, key: str, **values: object) -> str:
        """Return the text of ``table.name``, with its placeholders filled in.

        Raises:
            KeyError: there is no such text, or a placeholder is not given.
        """
        found: Any = self.texts
        for step in key.split("."):
            found = found[step]
        if not isinstance(found, str):
            raise KeyError(key)
        return found.format_map(values)

    def field(self, connector: str, field: str, name: str) -> str | None:
        """Return the translation of a connector's own words, None where this language has none."""
        found = self.texts.get("fields", {}).get(connector, {}).get(field, {}).get(name)
        return str(found) if found is not None else None


@cache
def languages() -> Mapping[str, Language]:
    """Return every language by its tag."""
    found = (Language(path.stem, tomllib.loads(path.read_text(encoding="utf-8"))) for path in _FOLDER.glob("*.toml"))
    return {one.tag: one for one in sorted(found, key=lambda one: one.tag)}


def preferred() -> Language:
    """Return the language of the one who asks."""
    known = languages()
    return known[request.accept_languages.best_match(list(known), FALLBACK) or FALLBACK]
