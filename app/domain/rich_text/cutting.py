"""Cut a long text into pieces that a service takes, where people pause: never inside of what they see as one character.

What is bold, quoted or linked at a cut is so on both sides of it, because a piece is a text of its own and is written
as one. Takes time linear in the length of the text, whatever the limit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, groupby
from typing import Final, Protocol

import regex

from app.domain.rich_text.characters import grapheme_ends, is_blank
from app.domain.rich_text.document import Document, Item, Paragraph, Run, bare, merge

_SPACES: Final = regex.compile(r"\s*")
#: Where people pause, the best first: an empty line, a line, a sentence, a word. Each matches at the pause.
_PAUSES: Final = (
    regex.compile(r"\n\s*\n"),
    regex.compile(r"\n"),
    # A full stop ends a sentence before a space only; those of other scripts stand without one.
    regex.compile(r"""(?V1)(?<=\p{STerm}[\p{Pe}\p{Pf}"']{0,2})\s|(?<=[\p{STerm}--[.!?]][\p{Pe}\p{Pf}]{0,2})"""),
    regex.compile(r"\s"),
)


class Limit(Protocol):
    """How much one message holds."""

    @property
    def most(self) -> int:
        """How many characters it never has more of, whatever they are."""

    def takes(self, document: Document) -> bool:
        """Whether a text fits with all its mark-up."""


def cut(document: Document, limits: Iterator[Limit]) -> Iterator[Document]:
    """Yield the pieces of a text, in order, each within the next limit; none of them is blank.

    Spaces at a cut are left out. A single character that is too long for a message is cut all the same, without its
    formatting.
    """
    text = _Text(document)
    start = text.after_spaces(0)
    limit = next(limits)
    while start < len(text.flat):
        end = text.end_of_piece(start, limit)
        piece = text.section(start, end)
        start = text.after_spaces(end)
        if not is_blank(piece.text):
            yield piece if limit.takes(piece) else bare(piece)
            limit = next(limits)


class _Text:
    """A document beside its text in one string, so that a place in the text finds its run."""

    def __init__(self, document: Document) -> None:
        self.flat = document.text
        self._edges = [0, *grapheme_ends(self.flat)]
        self._paragraphs = document.paragraphs
        lengths = (len(paragraph.text) + 1 for paragraph in document.paragraphs)
        self._paragraph_starts = [0, *accumulate(lengths)]
        #: The number of its paragraph, and the run. A paragraph without any has an empty one.
        self._runs: list[tuple[int, Run]] = []
        self._run_starts: list[int] = []
        for number, paragraph in enumerate(document.paragraphs):
            runs = paragraph.runs or (Run(""),)
            self._runs += ((number, run) for run in runs)
            sizes = accumulate((len(run.text) for run in runs[:-1]), initial=self._paragraph_starts[number])
            self._run_starts += sizes

    def after_spaces(self, start: int) -> int:
        """Return where the next character that shows something is."""
        found = _SPACES.match(self.flat, start)
        return found.end() if found else start

    def end_of_piece(self, start: int, limit: Limit) -> int:
        """Return the best end of a piece that begins here."""
        first = bisect_right(self._edges, start)
        last = bisect_right(self._edges, start + limit.most) - 1
        edges = self._edges[first : last + 1]
        end = _furthest(edges, lambda end: limit.takes(self.section(start, end)))
        if end is None:
            inside = range(start + 1, min(self._edges[first], start + limit.most) + 1)
            return _furthest(inside, lambda end: limit.takes(bare(self.section(start, end)))) or start + 1
        if end == len(self.flat):
            return end
        pauses = (pause for pause in self._pauses(start, end) if limit.takes(self.section(start, pause)))
        return next(pauses, end)

    def section(self, start: int, end: int) -> Document:
        """Return the document from one place to another, without the spaces at its end.

        A piece of an item that began before is no item: its bullet or number is not repeated.
        """
        while end > start and self.flat[end - 1].isspace():
            end -= 1
        first = bisect_left(self._run_starts, start)
        if first == len(self._run_starts) or self._run_starts[first] > start:
            first -= 1
        last = bisect_left(self._run_starts, end)
        pieces = ((self._runs[at][0], self._piece(at, start, end)) for at in range(first, last))
        paragraphs = [
            self._paragraph(number, [run for _, run in group], start)
            for number, group in groupby(pieces, key=lambda piece: piece[0])
        ]
        return Document(tuple(_without_begun_items(paragraphs)))

    def _piece(self, at: int, start: int, end: int) -> Run:
        run, here = self._runs[at][1], self._run_starts[at]
        return replace(run, text=run.text[max(start - here, 0) : max(end - here, 0)])

    def _paragraph(self, number: int, runs: Sequence[Run], start: int) -> Paragraph:
        paragraph = self._paragraphs[number]
        whole = start <= self._paragraph_starts[number]
        return replace(paragraph, runs=merge(runs), opens_item=paragraph.opens_item and whole)

    def _pauses(self, start: int, end: int) -> Iterator[int]:
        """Yield better ends than this one: of each kind the last that wastes less than half of the piece."""
        for pause in _PAUSES:
            found = [one.start() for one in pause.finditer(self.flat, (start + end) // 2 + 1, end + 1)]
            best = next((at for at in reversed(found) if at <= end and self._is_edge(at)), None)
            if best is not None:
                yield best

    def _is_edge(self, at: int) -> bool:
        return self._edges[bisect_left(self._edges, at)] == at


def _furthest(ends: Sequence[int], takes: Callable[[int], bool]) -> int | None:
    """Return the last of some ends that is taken, None where none is. Asks few of them, the last one first."""
    if not ends or takes(ends[-1]):
        return ends[-1] if ends else None
    low, high = -1, len(ends) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if takes(ends[middle]) else (low, middle)
    return ends[low] if low >= 0 else None


def _without_begun_items(paragraphs: Sequence[Paragraph]) -> Iterator[Paragraph]:
    """Take out of their places the items whose beginning is not among the paragraphs."""
    begun = {paragraph.items[-1].key for paragraph in paragraphs if paragraph.opens_item}
    for paragraph in paragraphs:
        inside = tuple(one for one in paragraph.inside if not isinstance(one, Item) or one.key in begun)
        yield replace(paragraph, inside=inside) if inside != paragraph.inside else paragraph
