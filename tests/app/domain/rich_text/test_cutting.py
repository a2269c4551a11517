from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from app.domain.capability import LengthUnit, RichTextDialect
from app.domain.rich_text.cutting import cut
from app.domain.rich_text.dialects import Limit, write
from app.domain.rich_text.document import Document, from_text
from app.domain.rich_text.html_reader import read
from app.domain.rich_text.html_writer import write as write_html
from tests.app.domain.rich_text.texts import DOCUMENTS, FAMILY, TEXTS, quick, visible

#: Twenty thousand characters of many kinds five times over: families, right-to-left words, joiners, NULs, no pauses.
LONG = (f"Hello {FAMILY} שלום\u200f عالم\u200d. 漢字。e\u0301 \0" + "x" * 50 + "🇩🇪" * 10) * 1_000
UNITS = st.sampled_from(LengthUnit)
DIALECTS = st.sampled_from(RichTextDialect)


@dataclass
class Counting:
    """A limit that counts how many characters it was asked about."""

    limit: Limit
    asked: list[int] = field(default_factory=list)

    @property
    def most(self) -> int:
        return self.limit.most

    def takes(self, document: Document) -> bool:
        self.asked.append(len(document.text))
        return self.limit.takes(document)


def pieces(
    document: Document,
    most: int,
    *,
    unit: LengthUnit = LengthUnit.CHARACTERS,
    dialect: RichTextDialect = RichTextDialect.PLAIN,
) -> list[Document]:
    return list(cut(document, repeat(Limit(dialect, most, unit))))


def texts(text: str, most: int = 20) -> list[str]:
    return [piece.text for piece in pieces(from_text(text), most)]


def html(source: str, most: int, dialect: RichTextDialect = RichTextDialect.TELEGRAM) -> list[str]:
    return [write_html(piece) for piece in pieces(read(source), most, dialect=dialect)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three four five", ["one two three four", "five"]),
        ("one two three\nfour five six", ["one two three", "four five six"]),
        ("one two three\n\nfour\nfive six", ["one two three", "four\nfive six"]),
        ("One two. Three four five", ["One two. Three four", "five"]),
        ("One two three. Four five", ["One two three.", "Four five"]),
        ("Is 3.141 it? Yes it is so", ["Is 3.141 it?", "Yes it is so"]),
        ("一二三四五六七八九十一。二三四五六七八九十", ["一二三四五六七八九十一。", "二三四五六七八九十"]),
        ("a " + "b" * 30, ["a " + "b" * 18, "b" * 12]),
        ("x" * 20, ["x" * 20]),
        ("x" * 20 + " y", ["x" * 20, "y"]),
        ("  x  ", ["x"]),
        (" \n ", []),
        ("\u200b\u200d", []),
        ("", []),
    ],
)
def test_a_text_is_cut_where_people_pause(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize("character", [FAMILY, "🇩🇪", "e\u0301\u0323", "👍🏽", "क्षि", "각"])
def test_what_people_see_as_one_character_is_not_torn(character: str) -> None:
    cuts = texts(character * 12)
    assert "".join(cuts) == character * 12
    assert all(len(piece) % len(character) == 0 for piece in cuts)


def test_a_character_that_is_longer_than_a_message_is_cut_all_the_same() -> None:
    monster = "a" + "\u0301" * 50
    assert "".join(texts(monster)) == monster
    assert [piece.text for piece in pieces(from_text("😀a"), 1, unit=LengthUnit.BYTES)] == ["😀", "a"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<b>one two three</b>", ["<p><strong>one two</strong></p>", "<p><strong>three</strong></p>"]),
        (
            "<blockquote>one two three</blockquote>",
            ["<blockquote><p>one two</p></blockquote>", "<blockquote><p>three</p></blockquote>"],
        ),
        ("<pre>one two three</pre>", ["<pre><code>one two</code></pre>", "<pre><code>three</code></pre>"]),
        (
            '<a href="https://a.example">one two three</a>',
            ['<p><a href="https://a.example">one two</a></p>', '<p><a href="https://a.example">three</a></p>'],
        ),
        (
            "<ol><li>one</li><li>two</li><li>three</li></ol>",
            ["<ol><li>one</li></ol>", '<ol start="2"><li>two</li></ol>', '<ol start="3"><li>three</li></ol>'],
        ),
        (
            "<ul><li>four five<ul><li>a</li></ul></li></ul>",
            ["<ul><li>four</li></ul>", "<p>five</p><ul><li>a</li></ul>"],
        ),
    ],
)
def test_formatting_goes_on_behind_a_cut(source: str, expected: list[str]) -> None:
    assert html(source, 8)[: len(expected)] == expected


def test_an_entity_too_many_begins_a_message() -> None:
    cuts = html("<b>a</b> b " * 150, 4096)
    assert [piece.count("<strong>") for piece in cuts] == [100, 50]


@pytest.mark.parametrize("dialect", RichTextDialect)
def test_a_link_that_is_longer_than_a_message_is_cut_as_text(dialect: RichTextDialect) -> None:
    address = "https://a.example/" + "x" * 60
    limit = Limit(dialect, 30, LengthUnit.CHARACTERS)
    cuts = cut(limit.prepare(read(f'<a href="{address}">here</a>')), repeat(limit))
    written = [write(piece, dialect).text for piece in cuts]
    assert "".join("".join(written).split()) == f"here({address})"
    assert all(len(one) <= 30 for one in written)


@quick
@given(text=TEXTS, most=st.integers(4, 40), unit=UNITS, dialect=DIALECTS)
def test_every_piece_fits_and_nothing_is_lost(text: str, most: int, unit: LengthUnit, dialect: RichTextDialect) -> None:
    cuts = pieces(from_text(text), most, unit=unit, dialect=dialect)
    limit = Limit(dialect, most, unit)
    assert "".join(visible(piece.text) for piece in cuts) == visible(text)
    assert all(limit.takes(piece) or len(piece.text) == 1 for piece in cuts)
    assert all(visible(piece.text) for piece in cuts if piece.text.isascii())


@quick
@given(document=DOCUMENTS, most=st.integers(20, 60), dialect=DIALECTS)
def test_formatted_pieces_fit_and_nothing_is_lost(document: Document, most: int, dialect: RichTextDialect) -> None:
    cuts = pieces(document, most, dialect=dialect)
    limit = Limit(dialect, most, LengthUnit.CHARACTERS)
    assert all(limit.takes(piece) for piece in cuts)
    rest = iter("".join(visible(piece.text) for piece in cuts))
    assert all(char in rest for char in visible(document.text))


@pytest.mark.parametrize("dialect", RichTextDialect)
@pytest.mark.parametrize(
    ("most", "unit"), [(4096, LengthUnit.UTF16), (30_000, LengthUnit.BYTES), (1530, LengthUnit.SEPTETS)]
)
def test_a_hundred_thousand_characters_arrive_whole_in_linear_time(
    dialect: RichTextDialect, most: int, unit: LengthUnit
) -> None:
    assert len(LONG) > 100_000
    document = from_text(LONG)
    limit = Counting(Limit(dialect, most, unit))
    cuts = list(cut(document, repeat(limit)))
    assert "".join(visible(piece.text) for piece in cuts) == visible(LONG)
    assert sum(limit.asked) < 40 * len(LONG)
    edges = {found.end() for found in regex.finditer(r"\X", document.text)}
    assert all(_begins_at_an_edge(document.text, cuts, edges))


def _begins_at_an_edge(text: str, cuts: list[Document], edges: set[int]) -> Iterator[bool]:
    here = 0
    for piece in cuts:
        here = text.index(piece.text, here)
        yield here == 0 or here in edges
        here += len(piece.text)
