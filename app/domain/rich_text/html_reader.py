"""Read HTML: HubSpot's, and that of services that speak it.

nh3 makes it safe and well-formed first, so that a tag of the reader's stack is always closed by its own end tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import count
from typing import Final

import nh3
from typing_extensions import override

from app.domain.rich_text.characters import clean
from app.domain.rich_text.document import Document, Image, Item, Mark, Paragraph, Place, Quote, Run, merge
from app.domain.rich_text.links import safe, spell

_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_MARKS: Final = {
    "b": Mark.BOLD,
    "strong": Mark.BOLD,
    **dict.fromkeys(_HEADINGS, Mark.BOLD),
    "th": Mark.BOLD,
    "i": Mark.ITALIC,
    "em": Mark.ITALIC,
    "u": Mark.UNDERLINE,
    "ins": Mark.UNDERLINE,
    "s": Mark.STRIKE,
    "strike": Mark.STRIKE,
    "del": Mark.STRIKE,
    "code": Mark.CODE,
    "tt": Mark.CODE,
    "kbd": Mark.CODE,
    "tg-spoiler": Mark.SPOILER,
}
_BLOCKS: Final = _HEADINGS | {
    "address", "article", "aside", "blockquote", "center", "dd", "details", "div", "dl", "dt", "figcaption", "figure",
    "footer", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tr", "ul",
}  # fmt: skip
_CELLS: Final = frozenset({"td", "th"})
_TAGS: Final = frozenset({*_MARKS, *_BLOCKS, *_CELLS, "a", "br", "img", "span"})
#: What is in them is not meant to be read; ``mx-reply`` repeats the quoted message.
_UNREAD: Final = frozenset({"script", "style", "title", "textarea", "template", "noscript", "mx-reply"})
_ATTRIBUTES: Final = {"a": {"href"}, "ol": {"start"}, "img": {"src", "alt"}, "span": {"class", "data-mx-spoiler"}}
_SPOILER_CLASS: Final = "tg-spoiler"

#: Deeper mark-up is nobody's writing, and takes a parser of HTML quadratic time.
DEEPEST: Final = 60
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)[^<>]*>")
_UNPAIRED: Final = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr", "col", "area", "source"})

_SPACES: Final = re.compile(r"[ \t\n\f]+")
_NUMBER: Final = re.compile(r"\d{1,9}")


def read(html: str) -> Document:
    """Return what some HTML says. Whatever it is: never fails, and loses formatting rather than text."""
    shallow = _flatten(clean(html))
    safe_html = nh3.clean(
        shallow,
        tags=set(_TAGS),
        clean_content_tags=set(_UNREAD),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        link_rel=None,
    )
    reader = _Reader()
    reader.feed(safe_html)
    reader.close()
    return reader.document()


def _flatten(html: str) -> str:
    """Take out the tags that are nested too deeply."""
    depth = 0

    def replace(found: re.Match[str]) -> str:
        nonlocal depth
        tag = found[2].lower()
        if tag in _UNPAIRED:
            return found[0]
        depth = max(0, depth - 1) if found[1] else depth + 1
        if depth <= DEEPEST or found[1]:
            return found[0]
        return "<br>" if tag in _BLOCKS else ""

    return _TAG.sub(replace, html)


@dataclass(frozen=True)
class _Open:
    """A tag that waits for its end, and what it does until then."""

    tag: str
    mark: Mark | None = None
    link: str = ""
    place: Place | None = None
    #: The number of a list's next item, None where it has bullets.
    numbers: count[int] | None = None


class _Reader(HTMLParser):
    """Collects paragraphs. Spaces collapse outside of ``pre``, as in a browser."""

    def __init__(self) -> None:
        super().__init__()
        self._keys = count()
        self._open: list[_Open] = []
        self._paragraphs: list[Paragraph] = []
        self._images: list[Image] = []
        self._runs: list[Run] = []
        #: Whether an item has begun and none of its text was seen yet.
        self._opens_item = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "br":
            self._add("\n")
        elif tag == "img":
            self._picture(values)
        elif tag in _CELLS and self._runs:
            self._add(" | ")
        elif tag in _BLOCKS:
            self._end_paragraph()
        if tag == "hr":
            self._add("---")
            self._end_paragraph()
        if tag not in _UNPAIRED:
            self._open.append(self._opened(tag, values))
            self._opens_item = self._opens_item or tag == "li"

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._end_paragraph()
        while self._open and self._open.pop().tag != tag:
            pass
        if tag == "li":
            self._opens_item = False

    @override
    def handle_data(self, data: str) -> None:
        if self._is_code:
            self._add(data)
            return
        data = _SPACES.sub(" ", data)
        if not self._runs or self._runs[-1].text[-1] in " \n":
            data = data.removeprefix(" ")
        self._add(data)

    def document(self) -> Document:
        """Return what was read."""
        self._end_paragraph()
        return Document(tuple(self._paragraphs), tuple(dict.fromkeys(self._images)))

    def _opened(self, tag: str, values: dict[str, str]) -> _Open:
        if tag == "a":
            return _Open(tag, link=safe(values.get("href", "")))
        if tag == "ol":
            start = values.get("start", "")
            return _Open(tag, numbers=count(int(start) if _NUMBER.fullmatch(start) else 1))
        if tag == "li":
            return _Open(tag, place=Item(next(self._keys), self._number()))
        if tag == "blockquote":
            return _Open(tag, place=Quote(next(self._keys)))
        hides = "data-mx-spoiler" in values or values.get("class") == _SPOILER_CLASS
        return _Open(tag, mark=Mark.SPOILER if tag == "span" and hides else _MARKS.get(tag))

    def _number(self) -> int | None:
        """Return the number of an item that begins here."""
        around = next((one for one in reversed(self._open) if one.tag in {"ol", "ul"}), None)
        return next(around.numbers) if around and around.numbers is not None else None

    @property
    def _is_code(self) -> bool:
        return any(one.tag == "pre" for one in self._open)

    def _picture(self, values: dict[str, str]) -> None:
        """Put a picture beside the text where it has an address; an emoji, and what has none, stays as its words."""
        name, source = values.get("alt", ""), safe(values.get("src", ""))
        is_emoji = bool(name) and not name.isascii() and not any(char.isalnum() for char in name)
        if source and not is_emoji:
            self._images.append(Image(source, name))
        else:
            self._add(name if is_emoji else f"[{name or 'image'}]")

    def _add(self, text: str) -> None:
        if not text:
            return
        marks = frozenset(one.mark for one in self._open if one.mark) - ({Mark.CODE} if self._is_code else set())
        link = next((one.link for one in reversed(self._open) if one.link), "")
        self._runs.append(Run(text, marks, link))

    def _end_paragraph(self) -> None:
        """Close the paragraph, if there is one. A last line break shows nothing, as in a browser."""
        if not self._runs:
            return
        inside = tuple(one.place for one in self._open if one.place)
        runs = _ended(self._runs, is_code=self._is_code)
        paragraph = Paragraph(runs, inside, opens_item=self._opens_item, is_code=self._is_code)
        self._paragraphs.append(spell(Document((paragraph,))).paragraphs[0] if self._is_code else paragraph)
        self._runs, self._opens_item = [], False


def _ended(runs: list[Run], *, is_code: bool) -> tuple[Run, ...]:
    """Join the runs of a paragraph, without the spaces and the line break at its end."""
    rest = list(merge(runs))
    cut = "" if is_code else " "
    ended_line = False
    while rest:
        text = rest[-1].text.rstrip(cut) if cut else rest[-1].text
        if text.endswith("\n") and not ended_line:
            text, ended_line = text[:-1], True
            text = text.rstrip(cut) if cut else text
        if text:
            rest[-1] = Run(text, rest[-1].marks, rest[-1].link)
            break
        rest.pop()
    spoken = (Run(run.text.replace("\xa0", " "), run.marks, run.link) for run in rest)
    return merge(spoken)
