"""Texts and documents for property tests, and what counts as the same text."""

from __future__ import annotations

import unicodedata
from html import escape

from hypothesis import settings
from hypothesis import strategies as st

from app.domain.rich_text.characters import GUARD
from app.domain.rich_text.document import Document, Item, Mark, Paragraph, Place, Quote, Run, merge

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
#: No clock: a busy machine is no defect of the text.
quick = settings(max_examples=40, deadline=None)

#: A family, a flag, a letter with two accents, right-to-left words with their marks, signs of every dialect.
WORDS = (
    FAMILY,
    "🇩🇪",
    "e\u0301\u0323",
    "שלום\u200f",
    "عالم",
    "漢字。",
    "*",
    "_a_",
    "~b~",
    "`",
    "```",
    "*bold*",
    "a*b*c",
    "snake_case",
    "<b>",
    "&amp;",
    "> x",
    "1. x",
    "- x",
    "|",
    "Hello.",
    "a",
    "https://a.example/b_c_d",
    " ",
    "\n",
)
PIECES = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
TEXTS = PIECES | st.text(max_size=30)
MARKS = st.frozensets(st.sampled_from(Mark), max_size=3)
LINKS = st.sampled_from(["", "", "", "https://example.com/a_b?c=1&d=2", "mailto:dana@example.com"])


def run(text: str, marks: frozenset[Mark], link: str) -> Run:
    return Run(" ".join(text.split()) or "x", marks, link)


RUNS = st.lists(st.builds(run, PIECES, MARKS, LINKS), min_size=1, max_size=4)


def paragraph(runs: list[Run], place: str, number: int) -> Paragraph:
    spaced = [Run(f"{one.text} ", one.marks, one.link) for one in runs[:-1]]
    places: dict[str, tuple[Place, ...]] = {
        "quote": (Quote(number),),
        "item": (Item(number, number),),
        "bullet": (Item(number),),
    }
    if place == "code":
        return Paragraph((Run(runs[0].text),), is_code=True)
    return Paragraph(merge([*spaced, runs[-1]]), places.get(place, ()), opens_item=place in {"item", "bullet"})


PLACES = st.sampled_from(["", "", "quote", "item", "bullet", "code"])
DOCUMENTS = st.lists(st.tuples(RUNS, PLACES), max_size=5).map(
    lambda drawn: Document(tuple(paragraph(runs, place, number) for number, (runs, place) in enumerate(drawn, start=1)))
)


def visible(text: str) -> str:
    """Return what a reader sees of a text: no spaces, line ends, controls and invisible joiners."""
    return "".join(char for char in text if not char.isspace() and unicodedata.category(char) not in {"Cc", "Cf", "Cs"})


def without_guards(text: str) -> str:
    return text.replace(GUARD, "")


def html(text: str) -> str:
    return f"<p>{escape(text)}</p>"
