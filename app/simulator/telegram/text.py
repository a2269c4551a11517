"""Texts as Telegram sees them: UTF-16 units, entities, and the small HTML of parse_mode.

https://core.telegram.org/bots/api#formatting-options
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

from app.simulator.telegram.errors import bad_request

MESSAGE_LIMIT = 4096
CAPTION_LIMIT = 1024

#: HTML tag -> entity type.
TAGS = {
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
    "a": "text_link",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "blockquote": "blockquote",
}

_TOKEN = re.compile(r"<(?P<close>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9-]*)(?P<rest>[^<>]*)>|(?P<angle><)")
_HREF = re.compile(r"""href\s*=\s*(?:"([^"]*)"|'([^']*)')""")

Entity = dict[str, Any]


@dataclass(frozen=True)
class _Open:
    tag: str
    start: int
    rest: str


@dataclass
class _Parse:
    text: str = ""
    length: int = 0
    stack: list[_Open] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)


def units(text: str) -> int:
    """Length in UTF-16 code units, which is how Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """The plain text and its entities.

    Raises:
        TelegramError: a tag is unknown, unclosed or closed by another.
    """
    parse = _Parse()
    position = 0
    for match in _TOKEN.finditer(source):
        _plain(parse, source[position : match.start()])
        offset = len(source[: match.start()].encode())
        if match["angle"] is not None or match["tag"].lower() not in TAGS:
            name = match["tag"] or ""
            raise bad_request(f'can\'t parse entities: Unsupported start tag "{name}" at byte offset {offset}')
        if match["close"]:
            _close(parse, match["tag"].lower(), offset)
        else:
            parse.stack.append(_Open(match["tag"].lower(), parse.length, match["rest"]))
        position = match.end()
    _plain(parse, source[position:])
    if parse.stack:
        raise bad_request(
            f"can't parse entities: Can't find end tag corresponding to start tag \"{parse.stack[-1].tag}\""
        )
    return parse.text, sorted(parse.entities, key=lambda one: (one["offset"], -one["length"]))


def formatted(text: str, *, parse_mode: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """The text and entities of a message that a bot sends; the caller's entities win over no parse mode.

    Only HTML is understood: other modes are refused, rather than passed through as if they were plain.

    Raises:
        TelegramError: the mode is unknown, the markup is broken, or an entity lies outside the text.
    """
    if parse_mode and parse_mode.lower() != "html":
        raise bad_request("unsupported parse_mode")
    plain, found = parse_html(text) if parse_mode else (text, entities)
    plain = plain.rstrip()
    length = units(plain)
    return plain, [_clipped(one, length) for one in found if _offset(one) < length]


def checked_length(text: str, *, limit: int, what: str) -> str:
    """The text, if it is not too long; `what` is message or message caption.

    Raises:
        TelegramError: it is too long.
    """
    if units(text) > limit:
        raise bad_request(f"{what} is too long")
    return text


def _plain(parse: _Parse, source: str) -> None:
    text = html.unescape(source)
    parse.text += text
    parse.length += units(text)


def _close(parse: _Parse, tag: str, offset: int) -> None:
    if not parse.stack or parse.stack[-1].tag != tag:
        expected = f', expected "</{parse.stack[-1].tag}>", found "</{tag}>"' if parse.stack else ""
        raise bad_request(f"can't parse entities: Unmatched end tag at byte offset {offset}{expected}")
    opened = parse.stack.pop()
    if parse.length == opened.start:
        return
    entity: Entity = {"type": TAGS[tag], "offset": opened.start, "length": parse.length - opened.start}
    if tag == "a":
        href = _HREF.search(opened.rest)
        if href is None:
            return
        entity["url"] = html.unescape(href[1] or href[2] or "")
    parse.entities.append(entity)


def _offset(entity: Entity) -> int:
    try:
        return int(entity["offset"])
    except (KeyError, TypeError, ValueError):
        raise bad_request("can't parse entities: entity has no valid offset") from None


def _clipped(entity: Entity, length: int) -> Entity:
    return {**entity, "length": min(int(entity.get("length", 0)), length - _offset(entity))}
