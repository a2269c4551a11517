"""Contact cards as vCard files spell them, versions 2.1 to 4.0 (RFC 6350). Only what a ``Card`` holds is read."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.domain.message import Card

#: No card is longer; what is behind (a picture, mostly) is not read.
_MOST: Final = 100_000

_FOLDED: Final = re.compile(r"\r?\n[ \t]")
_ENCODED: Final = "QUOTED-PRINTABLE"
_ESCAPED: Final = re.compile(r"\\(.)")
_BETWEEN: Final = re.compile(r"(?<!\\);")
_SCHEMES: Final = ("tel:", "mailto:")


@dataclass(frozen=True)
class _Line:
    """A property of a card. ``fields``: its value, divided and without escapes."""

    name: str
    fields: tuple[str, ...]

    @property
    def value(self) -> str:
        return ";".join(self.fields).strip()


def read(text: str) -> Card:
    """Read the first card of a file; what is not one gives an empty card."""
    found: dict[str, list[_Line]] = {}
    for line in _lines(text):
        if line.name == "END":
            break
        found.setdefault(line.name, []).append(line)
    return Card(
        name=_name(found),
        organisation=", ".join(filter(None, [*_values(found, "TITLE"), *_values(found, "ORG")])),
        phones=_values(found, "TEL"),
        emails=_values(found, "EMAIL"),
        links=_values(found, "URL"),
        addresses=tuple(filter(None, (_list(one) for one in found.get("ADR", [])))),
    )


def _lines(text: str) -> Iterator[_Line]:
    for raw in _logical_lines(text):
        head, _, value = raw.partition(":")
        if _ENCODED in head.upper():
            value = quopri.decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")
        name = head.upper().partition(";")[0].rpartition(".")[2].strip()
        yield _Line(name, tuple(map(_unescaped, _BETWEEN.split(value))))


def _logical_lines(text: str) -> Iterator[str]:
    """Yield the properties; what goes on in the next line is joined, as either version of the format writes it."""
    begun = ""
    for line in _FOLDED.sub("", text[:_MOST]).splitlines():
        whole = begun + line
        goes_on = whole.endswith("=") and _ENCODED in whole.partition(":")[0].upper()
        begun = whole[:-1] if goes_on else ""
        if not goes_on and ":" in whole:
            yield whole


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip()


def _name(found: dict[str, list[_Line]]) -> str:
    """Return the name as it is shown; where there is none, the parts of it in the order in which they are said."""
    shown = next((one.value for one in found.get("FN", []) if one.value), "")
    if shown or "N" not in found:
        return shown
    last, first, middle, prefix, suffix, *_ = (*found["N"][0].fields, *[""] * 5)
    return " ".join(filter(None, (prefix, first, middle, last, suffix)))


def _values(found: dict[str, list[_Line]], name: str) -> tuple[str, ...]:
    values = (_list(one) if name == "ORG" else one.value for one in found.get(name, []))
    return tuple(dict.fromkeys(filter(None, map(_without_scheme, values))))


def _list(line: _Line) -> str:
    return ", ".join(filter(None, (one.replace("\n", ", ") for one in line.fields)))


def _without_scheme(value: str) -> str:
    scheme = next((one for one in _SCHEMES if value.lower().startswith(one)), "")
    return value[len(scheme) :]
