from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from typing_extensions import override

from app.domain.rich_text.document import Document, Mark, Paragraph, Run, from_text
from app.domain.rich_text.html_reader import read
from app.domain.rich_text.html_writer import HUBSPOT, MATRIX, Spelling, write
from tests.app.domain.rich_text.texts import DOCUMENTS, TEXTS, quick, visible

SPELLINGS = pytest.mark.parametrize("spelling", [HUBSPOT, MATRIX])


class StrictParser(HTMLParser):
    """Takes only HTML whose every tag is closed in its order, and nothing that is not allowed."""

    allowed = frozenset({
        "p", "strong", "em", "u", "s", "del", "span", "code", "pre", "blockquote", "ul", "ol", "li", "a", "br",
    })  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.texts: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.allowed
        assert {name for name, _ in attrs} <= {"href", "start", "class", "data-mx-spoiler"}
        assert tag != "li" or self.stack[-1] in {"ul", "ol"}
        assert tag not in self.stack or tag in {"ul", "ol", "li", "blockquote"}
        if tag != "br":
            self.stack.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def strictly(html: str) -> str:
    parser = StrictParser()
    parser.feed(html)
    parser.close()
    assert parser.stack == []
    return "".join(parser.texts)


@pytest.mark.parametrize(
    ("source", "hubspot", "matrix"),
    [
        ("a", "<p>a</p>", "a"),
        ("<p>a</p><p><br></p><p>b</p>", "<p>a</p><p><br></p><p>b</p>", "a<br><br>b"),
        ("<b>a <i>b</i></b>", "<p><strong>a <em>b</em></strong></p>", "<strong>a <em>b</em></strong>"),
        ("<s>a</s>", "<p><s>a</s></p>", "<del>a</del>"),
        (
            "<tg-spoiler>a</tg-spoiler>",
            '<p><span class="tg-spoiler">a</span></p>',
            "<span data-mx-spoiler>a</span>",
        ),
        ("<pre>a\n b</pre>", "<pre><code>a\n b</code></pre>", "<pre><code>a\n b</code></pre>"),
        (
            "<ol start=2><li>a<ul><li>b</li></ul></li><li>c</li></ol>",
            '<ol start="2"><li>a<ul><li>b</li></ul></li><li>c</li></ol>',
            '<ol start="2"><li>a<ul><li>b</li></ul></li><li>c</li></ol>',
        ),
        (
            "<blockquote>a</blockquote><blockquote>b</blockquote>",
            "<blockquote><p>a</p></blockquote><blockquote><p>b</p></blockquote>",
            "<blockquote>a</blockquote><blockquote>b</blockquote>",
        ),
        ("a &nbsp; b", "<p>a &nbsp; b</p>".replace("; b", ";&nbsp;b"), "a &nbsp;&nbsp;b"),
        (
            '<a href="https://a.example/?b=1&amp;c=%22">x</a>',
            '<p><a href="https://a.example/?b=1&amp;c=%22">x</a></p>',
            '<a href="https://a.example/?b=1&amp;c=%22">x</a>',
        ),
    ],
)
def test_written(source: str, hubspot: str, matrix: str) -> None:
    assert (write(read(source)), write(read(source), MATRIX)) == (hubspot, matrix)


@SPELLINGS
@quick
@given(document=DOCUMENTS)
def test_it_is_well_formed_and_keeps_the_text(spelling: Spelling, document: Document) -> None:
    assert visible(strictly(write(document, spelling))) == visible(document.text)


@SPELLINGS
@quick
@given(text=TEXTS)
def test_what_people_typed_is_no_mark_up(spelling: Spelling, text: str) -> None:
    written = write(from_text(text), spelling)
    assert visible(strictly(written)) == visible(text)
    assert read(written).is_plain


@SPELLINGS
@quick
@given(document=DOCUMENTS)
def test_read_again_it_is_the_same(spelling: Spelling, document: Document) -> None:
    again = read(write(document, spelling))
    assert write(read(write(again, spelling)), spelling) == write(again, spelling)
    assert _looks(again) == _looks(document)


def _looks(document: Document) -> list[tuple[str, frozenset[Mark], str]]:
    """Return each visible character with its looks."""
    return [
        (char, frozenset() if paragraph.is_code else run.marks, run.link)
        for paragraph in document.paragraphs
        for run in paragraph.runs
        for char in visible(run.text)
    ]


def test_an_item_that_was_cut_has_no_second_bullet() -> None:
    assert write(Document((Paragraph((Run("rest"),)),))) == "<p>rest</p>"
