"""One line with signs for mark-up.

Slack, WhatsApp and Viber have no sign that escapes another. So a sign of ours stands only where the service surely
reads it, and one that somebody typed gets an invisible neighbour where it could be read as ours. Formatting may get
lost that way, never text, and nothing is formatted that nobody formatted.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby, pairwise
from typing import Final

from app.domain.rich_text.characters import GUARD
from app.domain.rich_text.document import Mark, Run
from app.domain.rich_text.signs import Signs

#: Signs stand beside these or at an end of the line: beside letters and other signs, services read them differently.
_BESIDE: Final = frozenset(" \t.,;:!?()\"'\u2026\u2013\u2014/")
_SIGNS: Final = frozenset("*_~`")
#: Left as they are: an address that cannot be followed is worse than a word in italics.
_ADDRESS: Final = re.compile(
    r"(?:https?://|www\.)[^\s()]*(?:\([^\s()]*\)[^\s()]*)*|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
)
#: What would end a link of Slack's too early.
_ENDINGS: Final = str.maketrans({"|": "%7C", "<": "%3C", ">": "%3E", " ": "%20"})


@dataclass(frozen=True)
class _Span:
    """Mark-up around some of a line's characters."""

    start: int
    end: int
    before: str
    after: str
    is_code: bool = False
    is_link: bool = False


def write(runs: Sequence[Run], signs: Signs) -> str:
    """Return one line with its signs."""
    text = "".join(run.text for run in runs)
    spans = _spans(runs, text, signs)
    inserted = _inserted(spans, set(_guarded(text, spans)))
    if text.lstrip().startswith(">"):
        inserted[0] = GUARD + inserted[0]
    cuts = sorted({0, len(text), *inserted})
    pieces = (signs.escape(text[start:end]) + inserted[end] for start, end in pairwise(cuts))
    return inserted[0] + "".join(pieces)


def _spans(runs: Sequence[Run], text: str, signs: Signs) -> list[_Span]:
    """Return the mark-up of a line, the outermost first. What would cross, or could be misread, is left out."""
    links = [
        _link(start, end, run.link, signs) for start, end, run in _stretches(runs, lambda run: run.link) if run.link
    ]
    chosen = [links]
    for mark, sign in sorted(signs.marks.items(), key=lambda one: one[0] is not Mark.CODE):
        sure = (
            _sure(text, start, end, sign)
            for start, end, run in _stretches(runs, partial(_has, mark))
            if _has(mark, run)
        )
        chosen.append([span for span in sure if span and not any(_disturbs(span, others) for others in chosen)])
    return sorted(chain(*chosen), key=lambda span: (span.start, -span.end, span.is_link, span.is_code))


def _has(mark: Mark, run: Run) -> bool:
    return mark in run.marks


def _stretches(runs: Sequence[Run], value: Callable[[Run], object]) -> Iterator[tuple[int, int, Run]]:
    """Yield where neighbouring runs with the same value begin and end, and the first of them."""
    start = 0
    for _, group in groupby(runs, key=value):
        neighbours = list(group)
        end = start + sum(len(run.text) for run in neighbours)
        yield start, end, neighbours[0]
        start = end


def _link(start: int, end: int, address: str, signs: Signs) -> _Span:
    return _Span(start, end, f"<{signs.escape(address.translate(_ENDINGS))}|", ">", is_link=True)


def _sure(text: str, start: int, end: int, sign: str) -> _Span | None:
    """Return a sign around some characters, without the spaces at their ends; None where it might be misread."""
    shown = text[start:end]
    start, end = start + len(shown) - len(shown.lstrip()), end - len(shown) + len(shown.rstrip())
    shown, is_code = shown.strip(), "`" in sign
    beside = text[max(start - 1, 0) : start] + text[end : end + 1]
    if not shown or sign[0] in shown or not _BESIDE.issuperset(beside):
        return None
    if not is_code and not _SIGNS.isdisjoint(shown[0] + shown[-1]):
        return None
    return _Span(start, end, sign, sign, is_code=is_code)


def _disturbs(span: _Span, others: Sequence[_Span]) -> bool:
    """Whether one does not go with those of another kind, which follow one another and were chosen before it."""
    first = bisect_right(others, span.start, key=lambda other: other.end)
    last = bisect_left(others, span.end, key=lambda other: other.start) - 1
    # Those between the first and the last that it touches are inside of it, like one of these at least.
    return first <= last and (_disturbs_one(span, others[first]) or _disturbs_one(span, others[last]))


def _disturbs_one(span: _Span, other: _Span) -> bool:
    if span.start <= other.start and other.end <= span.end:
        return span.is_code and other.is_link
    within = other.start <= span.start and span.end <= other.end
    return not within or other.is_code or other.is_link


def _guarded(text: str, spans: Sequence[_Span]) -> Iterator[int]:
    """Yield the places where a sign that somebody typed needs an invisible neighbour."""
    shown = _without_kept(text, spans)
    ours = {span.before for span in spans}
    for sign in _SIGNS:
        if shown.count(sign) > 1 or any(sign in one for one in ours):
            for found in re.finditer(re.escape(sign), shown):
                yield from _around(shown, found.start())


def _without_kept(text: str, spans: Sequence[_Span]) -> str:
    """Return a text of the same length without the signs that are left as they are: in code, and in addresses."""
    kept = [(span.start, span.end) for span in spans if span.is_code]
    kept += [(found.start(), found.end()) for found in _ADDRESS.finditer(text)]
    shown = list(text)
    for start, end in kept:
        shown[start:end] = "x" * (end - start)
    return "".join(shown)


def _around(text: str, at: int) -> Iterator[int]:
    """Yield the sides of a sign from which it could be read as mark-up. Inside a word it means nothing."""
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if before.isalnum() and after.isalnum():
        return
    if before.strip():
        yield at
    if after.strip():
        yield at + 1


def _inserted(spans: Sequence[_Span], guards: set[int]) -> defaultdict[int, str]:
    """Return what stands before each place of the line: ends, the innermost first, then beginnings, then guards."""
    ends: defaultdict[int, str] = defaultdict(str)
    starts: defaultdict[int, str] = defaultdict(str)
    for span in spans:
        ends[span.end] = span.after + ends[span.end]
        starts[span.start] += span.before
    inserted: defaultdict[int, str] = defaultdict(str)
    for at in {*ends, *starts, *guards}:
        guard = GUARD if at in guards else ""
        signs = ends[at] + starts[at]
        inserted[at] = guard + signs + guard if signs else guard
    return inserted
