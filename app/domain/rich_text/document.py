"""The tree between HubSpot's HTML and the services' dialects.

It is kept as the list of its leaves: the paragraphs in order, each with the quotations and list items that it stands
in. Every dialect but HTML is written that way, and a long text is cut that way: a part is some of the paragraphs, the
first and the last perhaps not whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from app.domain.rich_text.characters import clean


class Mark(StrEnum):
    """How a run of text looks. Alignment, sizes and colours have no mark: no service takes them."""

    BOLD = "bold"
    ITALIC = "italic"
    UNDERLINE = "underline"
    STRIKE = "strike"
    SPOILER = "spoiler"
    CODE = "code"


@dataclass(frozen=True)
class Run:
    """A piece of text that looks the same. Line breaks are in the text; ``link`` is the address it leads to."""

    text: str
    marks: frozenset[Mark] = frozenset()
    link: str = ""

    def looks_like(self, other: Run) -> bool:
        """Whether both could be one run."""
        return self.marks == other.marks and self.link == other.link


@dataclass(frozen=True)
class Quote:
    """A quotation. ``key`` tells it from the one beside it."""

    key: int


@dataclass(frozen=True)
class Item:
    """An item of a list; ``number`` is None in one with bullets. ``key`` tells it from its neighbours."""

    key: int
    number: int | None = None


Place = Quote | Item


@dataclass(frozen=True)
class Paragraph:
    """A line of its own, or several with line breaks between.

    ``inside``: where it stands, the outermost first. ``opens_item``: the innermost item begins with it, so that its
    bullet or number is in front. ``is_code``: spaces and line breaks are meant as they are.
    """

    runs: tuple[Run, ...] = ()
    inside: tuple[Place, ...] = ()
    opens_item: bool = False
    is_code: bool = False

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(run.text for run in self.runs)

    @property
    def items(self) -> tuple[Item, ...]:
        """The list items that it stands in."""
        return tuple(place for place in self.inside if isinstance(place, Item))

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """The quotations that it stands in."""
        return tuple(place for place in self.inside if isinstance(place, Quote))

    @property
    def marker(self) -> str:
        """The bullet or number in front of it, indented by its depth; empty where it opens no item."""
        if not self.opens_item or not self.items:
            return ""
        number = self.items[-1].number
        return "  " * (len(self.items) - 1) + ("• " if number is None else f"{number}. ")


@dataclass(frozen=True)
class Image:
    """A picture in the midst of a text, by its address."""

    source: str
    name: str = ""


@dataclass(frozen=True)
class Document:
    """A formatted text. ``images`` stood in it; they are sent beside it."""

    paragraphs: tuple[Paragraph, ...] = ()
    images: tuple[Image, ...] = ()

    @property
    def text(self) -> str:
        """What it says, paragraphs divided by line ends, without bullets, numbers and addresses of links."""
        return "\n".join(paragraph.text for paragraph in self.paragraphs)

    @property
    def is_plain(self) -> bool:
        """Whether nothing in it needs formatting."""
        return not any(
            one.inside or one.is_code or any(run.marks or run.link for run in one.runs) for one in self.paragraphs
        )


def from_text(text: str) -> Document:
    """Return a plain text as a document of one paragraph."""
    cleaned = clean(text)
    return Document((Paragraph((Run(cleaned),)),)) if cleaned else Document()


def merge(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Join neighbours that look the same, and leave out empty ones."""
    groups: list[tuple[Run, list[str]]] = []
    for run in runs:
        if not run.text:
            continue
        if groups and groups[-1][0].looks_like(run):
            groups[-1][1].append(run.text)
        else:
            groups.append((run, [run.text]))
    return tuple(replace(run, text="".join(texts)) for run, texts in groups)


def bare(document: Document) -> Document:
    """Return the same text without any formatting."""
    return Document(tuple(Paragraph(merge(Run(run.text) for run in one.runs)) for one in document.paragraphs))
