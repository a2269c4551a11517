"""The dialects by their names: a text as a service takes it, and whether it takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.domain.capability import LengthUnit, RichTextDialect
from app.domain.length import length
from app.domain.rich_text import html_writer, marked_writer, plain, telegram
from app.domain.rich_text.document import Document
from app.domain.rich_text.links import spell
from app.domain.rich_text.signs import SLACK, VIBER, WHATSAPP


@dataclass(frozen=True)
class Written:
    """A text in a dialect. ``html`` is the same in HubSpot's, where the service takes formatting beside the text."""

    text: str
    html: str | None = None


@dataclass(frozen=True)
class Limit:
    """How much of a dialect one message holds."""

    dialect: RichTextDialect
    most: int
    unit: LengthUnit

    def takes(self, document: Document) -> bool:
        """Whether a text is short enough, with all its mark-up."""
        if self.dialect is RichTextDialect.TELEGRAM:
            written = telegram.write(document)
            return self._holds(written.text) and len(written.entities) <= telegram.MOST_ENTITIES
        if self.dialect is RichTextDialect.MATRIX and not self._holds(html_writer.write(document, html_writer.MATRIX)):
            return False
        return self._holds(write(document, self.dialect).text)

    def prepare(self, document: Document) -> Document:
        """Put into the text, before it is cut, the addresses that cannot stay links, or would not fit as such."""
        keeps = _LINKS[self.dialect]
        return spell(document, keeps=lambda link: keeps(link) and length(link, self.unit) <= self.most // 2)

    def _holds(self, text: str) -> bool:
        return length(text, self.unit) <= self.most


_TEXTS: Final[dict[RichTextDialect, Callable[[Document], str]]] = {
    RichTextDialect.PLAIN: plain.write,
    RichTextDialect.TELEGRAM: lambda document: telegram.write(document).text,
    RichTextDialect.MATRIX: plain.write,
    RichTextDialect.SLACK: lambda document: marked_writer.write(document, SLACK),
    RichTextDialect.WHATSAPP: lambda document: marked_writer.write(document, WHATSAPP),
    RichTextDialect.VIBER: lambda document: marked_writer.write(document, VIBER),
}
#: Which links a dialect has.
_LINKS: Final[dict[RichTextDialect, Callable[[str], bool]]] = {
    RichTextDialect.PLAIN: lambda _: False,
    RichTextDialect.TELEGRAM: telegram.is_linkable,
    RichTextDialect.MATRIX: lambda _: True,
    RichTextDialect.SLACK: lambda _: True,
    RichTextDialect.WHATSAPP: lambda _: False,
    RichTextDialect.VIBER: lambda _: False,
}
#: Their services take formatting beside the text.
_BESIDE: Final = frozenset({RichTextDialect.TELEGRAM, RichTextDialect.MATRIX})


def write(document: Document, dialect: RichTextDialect) -> Written:
    """Write a text for a service. Plain text has no HTML beside it."""
    beside = dialect in _BESIDE and not document.is_plain
    return Written(_TEXTS[dialect](document), html_writer.write(document) if beside else None)
