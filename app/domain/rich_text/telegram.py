"""Telegram's dialect: a text with entities, counted in UTF-16 units.

Entities instead of ``parse_mode``: what people typed can then never be taken for mark-up, nor be refused because of it.
Kinds and rules: https://core.telegram.org/bots/api#messageentity and #formatting-options.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, groupby, pairwise
from typing import Final

from app.domain.rich_text.document import Document, Mark, Paragraph, Quote, Run, merge
from app.domain.rich_text.links import safe, spell

#: Telegram takes and sends at most so many in one message; more are left unformatted.
MOST_ENTITIES: Final = 100

_KINDS: Final = {
    Mark.BOLD: "bold",
    Mark.ITALIC: "italic",
    Mark.UNDERLINE: "underline",
    Mark.STRIKE: "strikethrough",
    Mark.SPOILER: "spoiler",
    Mark.CODE: "code",
}
_MARKS: Final = {kind: mark for mark, kind in _KINDS.items()}
_LINK: Final = "text_link"
_LINKS: Final = frozenset({_LINK, "url", "email"})
_QUOTE: Final = "blockquote"
_QUOTES: Final = frozenset({_QUOTE, "expandable_blockquote"})
_CODE: Final = frozenset({"pre"})
_READ: Final = _LINKS | _QUOTES | _CODE | set(_MARKS)
#: What Telegram keeps as a link; it leaves others without their address.
_LINKABLE: Final = ("http://", "https://", "tg://")


@dataclass(frozen=True)
class Entity:
    """A piece of a text that is something else than plain. ``offset`` and ``length`` count UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str = ""

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.offset + self.length


@dataclass(frozen=True)
class Entities:
    """A text and what is formatted in it, as Telegram takes it."""

    text: str
    entities: tuple[Entity, ...] = ()


def write(document: Document) -> Entities:
    """Return the text with its entities, in order. Telegram may get more of them than it takes: see ``cut``."""
    writer = _Writer()
    for paragraph in spell(document, keeps=is_linkable).paragraphs:
        writer.add(paragraph)
    return writer.entities()


def read(text: str, entities: Sequence[Entity]) -> Document:
    """Return a text with its formatting. The text is always complete; entities that cannot be are left out."""
    units = text.encode("utf-16-le")
    known = [one for one in entities[:MOST_ENTITIES] if one.type in _READ and _is_whole(one, units)]
    pieces = list(_pieces(units, known))
    keys = count()
    paragraphs = []
    for (quote, code), group in groupby(pieces, key=lambda piece: (piece.quote, piece.code)):
        runs = merge(piece.run for piece in group)
        inside = (Quote(next(keys)),) if quote else ()
        paragraphs.append(Paragraph(runs, inside, is_code=code is not None))
    return Document(tuple(_without_ends(paragraphs)))


def is_linkable(address: str) -> bool:
    """Whether Telegram keeps a link to this address."""
    return address.startswith(_LINKABLE)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@dataclass
class _Writer:
    """Collects text and entities; an entity stays open while what follows needs it too."""

    texts: list[str] = field(default_factory=list)
    here: int = 0
    done: list[Entity] = field(default_factory=list)
    #: Kind and address -> where it began.
    marks: dict[tuple[str, str], int] = field(default_factory=dict)
    quote: Quote | None = None
    quoted_from: int = 0

    def add(self, paragraph: Paragraph) -> None:
        """Add a paragraph on a line of its own. Of quotations in one another only the outermost is one."""
        self._want(set())
        quote = next(iter(paragraph.quotes), None)
        if quote != self.quote:
            self._end_quote()
        if self.texts:
            self._write("\n")
        if quote != self.quote:
            self.quote, self.quoted_from = quote, self.here
        self._write(paragraph.marker)
        if paragraph.is_code:
            self._want({("pre", "")})
            self._write(paragraph.text)
            return
        for run in paragraph.runs:
            self._want(_wanted(run))
            self._write(run.text)

    def entities(self) -> Entities:
        """End what is open, and return all."""
        self._want(set())
        self._end_quote()
        whole = sorted((one for one in self.done if one.length), key=lambda one: (one.offset, -one.length))
        return Entities("".join(self.texts), tuple(whole))

    def _write(self, text: str) -> None:
        self.texts.append(text)
        self.here += _units(text)

    def _want(self, wanted: set[tuple[str, str]]) -> None:
        for kind, url in [one for one in self.marks if one not in wanted]:
            start = self.marks.pop((kind, url))
            self.done.append(Entity(kind, start, self.here - start, url))
        for one in sorted(wanted - self.marks.keys()):
            self.marks[one] = self.here

    def _end_quote(self) -> None:
        if self.quote is not None:
            self.done.append(Entity(_QUOTE, self.quoted_from, self.here - self.quoted_from))
        self.quote = None


def _wanted(run: Run) -> set[tuple[str, str]]:
    """Name a run's entities. Code takes no other one with it; a link is worth more than looking like code."""
    if run.link:
        return {(_KINDS[mark], "") for mark in run.marks - {Mark.CODE}} | {(_LINK, run.link)}
    if Mark.CODE in run.marks:
        return {(_KINDS[Mark.CODE], "")}
    return {(_KINDS[mark], "") for mark in run.marks}


@dataclass(frozen=True)
class _Piece:
    """A run, and the quotation and the block of code that it is in."""

    run: Run
    quote: Entity | None
    code: Entity | None


def _pieces(units: bytes, entities: Sequence[Entity]) -> Iterator[_Piece]:
    cuts = sorted({0, len(units) // 2, *(one.offset for one in entities), *(one.end for one in entities)})
    for start, end in pairwise(cuts):
        around = [one for one in entities if one.offset <= start < one.end]
        marks = frozenset(_MARKS[one.type] for one in around if one.type in _MARKS)
        link = next((address for one in around if (address := _address(one, units))), "")
        run = Run(units[2 * start : 2 * end].decode("utf-16-le"), marks, link)
        yield _Piece(
            run,
            quote=next((one for one in around if one.type in _QUOTES), None),
            code=next((one for one in around if one.type in _CODE), None),
        )


def _is_whole(entity: Entity, units: bytes) -> bool:
    """Whether an entity is inside the text and tears no character."""
    inside = 0 <= entity.offset < entity.end <= len(units) // 2
    return inside and not any(_splits_a_pair(units, at) for at in (entity.offset, entity.end))


def _splits_a_pair(units: bytes, at: int) -> bool:
    """Whether a cut falls into the two units of one character."""
    following = int.from_bytes(units[2 * at : 2 * at + 2], "little")
    return 0xDC00 <= following <= 0xDFFF  # noqa: PLR2004 - the range of second halves in UTF-16


def _address(entity: Entity, units: bytes) -> str:
    """Where a link leads; empty when that is nowhere a reader should be led."""
    if entity.type not in _LINKS:
        return ""
    shown = units[2 * entity.offset : 2 * entity.end].decode("utf-16-le")
    if entity.type == "email":
        return safe(f"mailto:{shown}")
    address = entity.url if entity.type == _LINK else shown
    return safe(f"http://{address}" if entity.type == "url" and "://" not in address else address)


def _without_ends(paragraphs: Sequence[Paragraph]) -> Iterator[Paragraph]:
    """Take away the line ends where a quotation or code begins and ends: there is one already."""
    for place, paragraph in enumerate(paragraphs):
        runs = list(paragraph.runs)
        if place > 0 and not _ends_line(paragraphs[place - 1]) and runs[0].text.startswith("\n"):
            runs[0] = replace(runs[0], text=runs[0].text[1:])
        if place + 1 < len(paragraphs) and runs[-1].text.endswith("\n"):
            runs[-1] = replace(runs[-1], text=runs[-1].text[:-1])
        if kept := merge(runs):
            yield replace(paragraph, runs=kept)


def _ends_line(paragraph: Paragraph) -> bool:
    return paragraph.text.endswith("\n")
