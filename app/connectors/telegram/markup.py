"""HTML as a text with Telegram's entities.

Entities instead of ``parse_mode``: a message can then never be refused because of its mark-up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from pydantic import JsonValue
from typing_extensions import override

from app.connectors.telegram.formatting import MOST_ENTITIES
from app.domain.capability import LengthUnit, length

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-spoiler": "spoiler",
    "a": "text_link",
}
_BLOCKS = frozenset({"p", "div", "ul", "ol", "li", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "tr"})
_HIDDEN = frozenset({"script", "style", "head", "title"})
_LINKS = ("http://", "https://", "mailto:", "tel:", "tg://")


@dataclass(frozen=True)
class Formatted:
    """A text and what is formatted in it, as Telegram takes it."""

    text: str
    entities: tuple[dict[str, JsonValue], ...] = ()


@dataclass
class _Open:
    """A tag that waits for its end. ``start`` counts UTF-16 units."""

    tag: str
    start: int
    href: str


def from_html(html: str) -> Formatted:
    """Return the text of some HTML and the formatting that Telegram knows; other tags leave only their text."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.formatted()


class _Reader(HTMLParser):
    """Collects text and entities. Spaces collapse outside of ``pre``, as in a browser."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._open: list[_Open] = []
        self._entities: list[dict[str, JsonValue]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._text += "\n"
            return
        if tag in _BLOCKS:
            self._end_line()
        if tag == "li":
            self._text += "• "
        if tag in _KINDS or tag in _HIDDEN:
            self._open.append(_Open(tag, self._here(), dict(attrs).get("href") or ""))

    @override
    def handle_endtag(self, tag: str) -> None:
        place = next((index for index in reversed(range(len(self._open))) if self._open[index].tag == tag), None)
        if place is not None:
            self._close(self._open.pop(place))
        if tag in _BLOCKS:
            self._end_line()

    @override
    def handle_data(self, data: str) -> None:
        if any(one.tag in _HIDDEN for one in self._open):
            return
        if not any(one.tag == "pre" for one in self._open):
            data = re.sub(r"[ \t\r\n]+", " ", data)
            if not self._text or self._text[-1] in " \n":
                data = data.removeprefix(" ")
        self._text += data

    def formatted(self) -> Formatted:
        """Return what was read. Spaces at the end are cut, and entities with them."""
        while self._open:
            self._close(self._open.pop())
        text = self._text.rstrip()
        end = length(text, LengthUnit.UTF16)
        whole = (_within(entity, end) for entity in self._entities[:MOST_ENTITIES])
        return Formatted(text, tuple(entity for entity in whole if entity))

    def _here(self) -> int:
        return length(self._text, LengthUnit.UTF16)

    def _end_line(self) -> None:
        if self._text and not self._text.endswith("\n"):
            self._text += "\n"

    def _close(self, opened: _Open) -> None:
        kind = _KINDS.get(opened.tag)
        if kind is None or (kind == "text_link" and not opened.href.startswith(_LINKS)):
            return
        entity: dict[str, JsonValue] = {"type": kind, "offset": opened.start, "length": self._here() - opened.start}
        self._entities.append({**entity, "url": opened.href} if kind == "text_link" else entity)


def _within(entity: dict[str, JsonValue], end: int) -> dict[str, JsonValue] | None:
    """Cut an entity at the text's end; None when nothing is left of it."""
    offset, size = entity["offset"], entity["length"]
    if not isinstance(offset, int) or not isinstance(size, int) or min(offset + size, end) <= offset:
        return None
    return {**entity, "length": min(offset + size, end) - offset}
