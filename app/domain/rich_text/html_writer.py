"""Write HTML: for HubSpot's inbox, and for services that speak it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from app.domain.rich_text.document import Document, Item, Mark, Paragraph, Place, Quote, Run


@dataclass(frozen=True)
class Spelling:
    """The tags of one reader of HTML. ``paragraph`` empty: paragraphs are lines with breaks between."""

    tags: dict[Mark, str]
    paragraph: str


_TAGS: Final = {
    Mark.BOLD: "strong",
    Mark.ITALIC: "em",
    Mark.UNDERLINE: "u",
    Mark.STRIKE: "s",
    Mark.CODE: "code",
    Mark.SPOILER: 'span class="tg-spoiler"',
}

#: HubSpot documents no list of tags. These are its composer's; it has none for a spoiler.
HUBSPOT: Final = Spelling(tags=_TAGS, paragraph="p")

#: https://spec.matrix.org/latest/client-server-api/#mroommessage-msgtypes
MATRIX: Final = Spelling(
    tags=_TAGS | {Mark.STRIKE: "del", Mark.SPOILER: "span data-mx-spoiler"},
    paragraph="",
)

#: The outermost first.
_ORDER: Final = (Mark.SPOILER, Mark.BOLD, Mark.ITALIC, Mark.UNDERLINE, Mark.STRIKE, Mark.CODE)
#: A space that HTML would swallow.
_SWALLOWED: Final = re.compile(r"(?<=[ \n]) ")


def write(document: Document, spelling: Spelling = HUBSPOT) -> str:
    """Return the text as HTML, well-formed and safe. Read again, it says the same."""
    return "".join(_Writer(spelling).write(document.paragraphs))


class _Writer:
    """Keeps which quotations and items are open."""

    def __init__(self, spelling: Spelling) -> None:
        self._spelling = spelling
        self._open: tuple[Place, ...] = ()
        #: Whether bare text stands right before, so that a bare paragraph needs a line break.
        self._after_text = False

    def write(self, paragraphs: Sequence[Paragraph]) -> Iterator[str]:
        for paragraph in paragraphs:
            yield from self._move(paragraph.inside)
            yield from self._paragraph(paragraph)
        yield from self._move(())

    def _move(self, inside: tuple[Place, ...]) -> Iterator[str]:
        """Close what does not go on, and open what begins."""
        same = 0
        while same < min(len(self._open), len(inside)) and self._open[same] == inside[same]:
            same += 1
        left, entered = self._open[same:], inside[same:]
        goes_on = bool(left and entered) and _follows(left[0], entered[0])
        for depth, place in reversed(list(enumerate(left))):
            yield _end(place, with_list=not (goes_on and depth == 0))
        for depth, place in enumerate(entered):
            yield _start(place, with_list=not (goes_on and depth == 0))
        self._after_text = self._after_text and not left and not entered
        self._open = inside

    def _paragraph(self, paragraph: Paragraph) -> Iterator[str]:
        if paragraph.is_code:
            self._after_text = False
            yield f"<pre><code>{escape(paragraph.text)}</code></pre>"
            return
        text = "".join(_inline(paragraph.runs, self._spelling))
        bare = paragraph.opens_item or not self._spelling.paragraph
        if not bare:
            self._after_text = False
            yield f"<{self._spelling.paragraph}>{text or '<br>'}</{self._spelling.paragraph}>"
            return
        yield f"<br>{text}" if self._after_text else text
        self._after_text = True


def _follows(left: Place, entered: Place) -> bool:
    """Whether an item is the next one of the list that was just left."""
    if not isinstance(left, Item) or not isinstance(entered, Item):
        return False
    return entered.number == (None if left.number is None else left.number + 1)


def _start(place: Place, *, with_list: bool) -> str:
    if isinstance(place, Quote):
        return "<blockquote>"
    if not with_list:
        return "<li>"
    if place.number is None:
        return "<ul><li>"
    return "<ol><li>" if place.number == 1 else f'<ol start="{place.number}"><li>'


def _end(place: Place, *, with_list: bool) -> str:
    if isinstance(place, Quote):
        return "</blockquote>"
    if not with_list:
        return "</li>"
    return "</li></ul>" if place.number is None else "</li></ol>"


def _inline(runs: Sequence[Run], spelling: Spelling) -> Iterator[str]:
    """Write runs; a tag stays open while the next run needs it too."""
    opened: list[str] = []
    before = "\n"
    for run in runs:
        wanted = _wanted(run, spelling)
        same = 0
        while same < min(len(opened), len(wanted)) and opened[same] == wanted[same]:
            same += 1
        yield from (f"</{tag.partition(' ')[0]}>" for tag in reversed(opened[same:]))
        yield from (f"<{tag}>" for tag in wanted[same:])
        yield _escaped(run.text, before)
        opened, before = wanted, run.text[-1:]
    yield from (f"</{tag.partition(' ')[0]}>" for tag in reversed(opened))


def _wanted(run: Run, spelling: Spelling) -> list[str]:
    tags = [spelling.tags[mark] for mark in _ORDER if mark in run.marks]
    return [f'a href="{escape(run.link)}"', *tags] if run.link else tags


def _escaped(text: str, before: str) -> str:
    kept = _SWALLOWED.sub("\xa0", before + text)[len(before) :]
    return escape(kept, quote=False).replace("\n", "<br>").replace("\xa0", "&nbsp;")
