"""Links: where they may lead, and how they are read where a text has none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from urllib.parse import urlsplit

from app.domain.rich_text.document import Document, Paragraph, Run, merge

SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel", "tg"})
#: What people leave out when they write an address.
_UNSPOKEN = ("https://", "http://", "mailto:", "tel:", "www.")


def safe(address: str) -> str:
    """Return an address that a reader may be led to, with its scheme; else nothing."""
    address = "".join(address.split())
    if address.startswith("//"):
        address = f"https:{address}"
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:
        return ""
    return address if scheme in SAFE_SCHEMES else ""


def spell(document: Document, keeps: Callable[[str], bool] = lambda _: False) -> Document:
    """Put addresses into the text: ``text (https://...)``, once where the text is the address already.

    ``keeps``: tells of an address that it can stay a link.
    """
    paragraphs = tuple(_spelled(one, keeps) for one in document.paragraphs)
    return replace(document, paragraphs=paragraphs)


def _spelled(paragraph: Paragraph, keeps: Callable[[str], bool]) -> Paragraph:
    if not any(run.link and not keeps(run.link) for run in paragraph.runs):
        return paragraph
    return replace(paragraph, runs=merge(_spelled_runs(paragraph, keeps)))


def _spelled_runs(paragraph: Paragraph, keeps: Callable[[str], bool]) -> Iterator[Run]:
    for link, group in groupby(paragraph.runs, key=lambda run: run.link):
        runs = list(group)
        if not link or keeps(link):
            yield from runs
            continue
        text = "".join(run.text for run in runs)
        ending = text[len(text.rstrip()) :]
        yield from _without_ending([replace(run, link="") for run in runs], len(ending))
        yield Run(ending if _bare(text) == _bare(link) else f" ({_spoken(link)}){ending}")


def _without_ending(runs: list[Run], size: int) -> Iterator[Run]:
    """Leave out the last characters of some runs."""
    kept = sum(len(run.text) for run in runs) - size
    for run in runs:
        yield replace(run, text=run.text[: max(kept, 0)])
        kept -= len(run.text)


def _spoken(link: str) -> str:
    """Return the address as people write it."""
    return link.removeprefix("mailto:").removeprefix("tel:")


def _bare(address: str) -> str:
    for prefix in _UNSPOKEN:
        address = address.strip().removeprefix(prefix)
    return address.rstrip("/")
