"""Write a text for a service without formatting: bullets, numbers, quotes and addresses stay readable."""

from __future__ import annotations

from app.domain.rich_text.document import Document, Paragraph
from app.domain.rich_text.links import spell


def write(document: Document) -> str:
    """Return the text as people read it."""
    return "\n".join(_line(paragraph) for paragraph in spell(document).paragraphs)


def _line(paragraph: Paragraph) -> str:
    quoted = "> " * len(paragraph.quotes)
    text = paragraph.text.replace("\n", f"\n{quoted}") if quoted else paragraph.text
    return f"{quoted}{paragraph.marker}{text}"
