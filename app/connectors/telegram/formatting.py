"""A text with Telegram's entities as HTML. The text is always complete, whatever the entities say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from urllib.parse import urlsplit

from app.connectors.telegram.wire import Entity

#: Telegram takes and sends at most so many in one message; more are left unformatted.
MOST_ENTITIES = 100

#: https://core.telegram.org/bots/api#messageentity - kinds that are plain text to a reader are left out.
TAGS = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "expandable_blockquote": "blockquote",
    "spoiler": "span",
}
_ATTRIBUTES = {"spoiler": ' class="tg-spoiler"'}
LINKS = frozenset({"text_link", "url", "email"})
_SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel", "tg"})


@dataclass(frozen=True)
class _Span:
    """A tag around the UTF-16 units from ``start`` to ``end``."""

    start: int
    end: int
    tag: str
    attributes: str = ""


def to_html(text: str, entities: Sequence[Entity]) -> str | None:
    """Return the text with its formatting, or None when there is none. Entities that cannot be are left out."""
    units = text.encode("utf-16-le")
    spans = [span for entity in entities[:MOST_ENTITIES] if (span := _span(entity, units))]
    if not spans:
        return None
    spans.sort(key=lambda span: (span.start, -span.end))
    cuts = sorted({0, len(units) // 2, *(span.start for span in spans), *(span.end for span in spans)})
    pieces: list[str] = []
    opened: list[_Span] = []
    for start, end in pairwise(cuts):
        wanted = [span for span in spans if span.start <= start < span.end]
        pieces += _change(opened, wanted)
        pieces.append(_escaped(units[2 * start : 2 * end].decode("utf-16-le"), wanted))
        opened = wanted
    return "".join([*pieces, *_change(opened, [])])


def _span(entity: Entity, units: bytes) -> _Span | None:
    start, end = entity.offset, entity.offset + entity.length
    if not 0 <= start < end <= len(units) // 2 or _splits_a_pair(units, start) or _splits_a_pair(units, end):
        return None
    if entity.type in LINKS:
        address = _address(entity, units[2 * start : 2 * end].decode("utf-16-le"))
        return _Span(start, end, "a", f' href="{escape(address)}"') if address else None
    tag = TAGS.get(entity.type)
    return _Span(start, end, tag, _ATTRIBUTES.get(entity.type, "")) if tag else None


def _splits_a_pair(units: bytes, at: int) -> bool:
    """Whether a cut falls into the two units of one character."""
    following = int.from_bytes(units[2 * at : 2 * at + 2], "little")
    return 0xDC00 <= following <= 0xDFFF  # noqa: PLR2004 - the range of second halves in UTF-16


def _address(entity: Entity, shown: str) -> str:
    """Where a link leads; empty when that is nowhere a reader should be led."""
    if entity.type == "email":
        return f"mailto:{shown}"
    address = entity.url if entity.type == "text_link" else shown
    if entity.type == "url" and "://" not in address:
        address = f"http://{address}"
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:
        return ""
    return address if scheme in _SAFE_SCHEMES else ""


def _change(opened: Sequence[_Span], wanted: Sequence[_Span]) -> list[str]:
    """Close what ends here, and what was opened inside it, and open what begins or goes on."""
    same = 0
    while same < min(len(opened), len(wanted)) and opened[same] is wanted[same]:
        same += 1
    closing = [f"</{span.tag}>" for span in reversed(opened[same:])]
    return closing + [f"<{span.tag}{span.attributes}>" for span in wanted[same:]]


def _escaped(text: str, around: Sequence[_Span]) -> str:
    in_pre = any(span.tag == "pre" for span in around)
    return escape(text) if in_pre else escape(text).replace("\n", "<br>")
