"""Single characters: what cannot be sent, what cannot be seen, and what belongs together."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import islice

import regex

#: No service, database or UTF-8 takes NUL and halves of surrogate pairs. Line ends are one character from here on.
_UNSENDABLE = regex.compile("[\\x00\ud800-\udfff]")
_LINE_END = regex.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")
_GRAPHEME = regex.compile(r"\X")

#: Shows nothing and takes no room. Between a character of mark-up and its neighbour it keeps it from meaning anything.
GUARD = "\u200b"


def clean(text: str) -> str:
    """Remove what no service takes, and write every line end as a line feed."""
    return _LINE_END.sub("\n", _UNSENDABLE.sub("", text))


def is_blank(text: str) -> bool:
    """Whether a reader would see nothing: spaces, controls and invisible joiners only. Services refuse such texts."""
    return all(char.isspace() or unicodedata.category(char) in {"Cc", "Cf"} for char in text)


def beginning(text: str, most: int) -> str:
    """Return the first ``most`` characters as people see them, with an ellipsis where that is not all."""
    end = next(islice(grapheme_ends(text), most - 1, None), len(text))
    return text if end >= len(text) else f"{text[:end].rstrip()}…"


def grapheme_ends(text: str) -> Iterator[int]:
    """Yield where each character as people see it ends: an emoji family, a letter with its accents, a flag."""
    return (found.end() for found in _GRAPHEME.finditer(text))
