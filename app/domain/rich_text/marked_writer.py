"""Write a text for a service whose mark-up is signs in the text."""

from __future__ import annotations

from dataclasses import replace

from app.domain.rich_text import marked_line
from app.domain.rich_text.document import Document, Paragraph, Run, merge
from app.domain.rich_text.links import spell
from app.domain.rich_text.signs import FENCE, Signs


def write(document: Document, signs: Signs) -> str:
    """Return the text with its signs. What is quoted has ``>`` in front of each line, one for all levels."""
    paragraphs = spell(document, keeps=lambda _: signs.escapes).paragraphs
    return "\n".join(_paragraph(one, signs) for one in paragraphs)


def _paragraph(paragraph: Paragraph, signs: Signs) -> str:
    if paragraph.is_code and "`" not in paragraph.text and not paragraph.quotes:
        return f"{paragraph.marker}{FENCE}\n{signs.escape(paragraph.text)}\n{FENCE}"
    quoted = signs.escape("> ") if paragraph.quotes else ""
    lines = [marked_line.write(line, signs) for line in _lines(paragraph)]
    return "\n".join(f"{quoted}{'' if at else paragraph.marker}{line}" for at, line in enumerate(lines))


def _lines(paragraph: Paragraph) -> list[tuple[Run, ...]]:
    """Divide a paragraph at its line breaks: no sign reaches over one."""
    lines: list[list[Run]] = [[]]
    for run in paragraph.runs:
        first, *others = run.text.split("\n")
        lines[-1].append(replace(run, text=first))
        lines += [[replace(run, text=text)] for text in others]
    return [merge(line) for line in lines]
