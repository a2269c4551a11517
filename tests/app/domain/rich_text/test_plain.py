from __future__ import annotations

import pytest
from hypothesis import given

from app.domain.rich_text.document import Document, from_text
from app.domain.rich_text.html_reader import read
from app.domain.rich_text.plain import write
from tests.app.domain.rich_text.texts import DOCUMENTS, TEXTS, quick, visible


@pytest.mark.parametrize(
    ("label", "source", "text"),
    [
        ("marks leave the text", "<b>a</b> <i>b</i> <u>c</u> <s>d</s> <code>e</code>", "a b c d e"),
        ("bullets and numbers", "<ul><li>a<ol><li>b</li></ol></li></ul>", "• a\n  1. b"),
        ("quotations", "<blockquote><p>a<br>b</p><blockquote>c</blockquote></blockquote>d", "> a\n> b\n> > c\nd"),
        ("a link", '<a href="https://a.example/x">here</a>.', "here (https://a.example/x)."),
        ("a link of several looks", '<a href="https://a.example">he<b>re</b></a>', "here (https://a.example)"),
        ("its own address", '<a href="https://a.example/">https://a.example</a>', "https://a.example"),
        ("its address as people write it", '<a href="https://www.a.example/">a.example</a>', "a.example"),
        ("an address of mail", '<a href="mailto:a@b.example">write</a>', "write (a@b.example)"),
        ("the same as text", '<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ("a number", '<a href="tel:+491">call</a>', "call (+491)"),
        ("a space in a link", '<a href="https://a.example">here </a>x', "here (https://a.example) x"),
        ("what was typed", "<p>*a* _b_ &lt;c&gt; &amp;</p>", "*a* _b_ <c> &"),
    ],
)
def test_written(label: str, source: str, text: str) -> None:
    assert write(read(source)) == text, label


@quick
@given(text=TEXTS)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert visible(write(from_text(text))) == visible(text)


@quick
@given(document=DOCUMENTS)
def test_the_text_is_whole_and_every_address_is_in_it(document: Document) -> None:
    written = write(document)
    rest = iter(visible(written))
    assert all(char in rest for char in visible(document.text))
    links = {run.link for one in document.paragraphs for run in one.runs if run.link and not one.is_code}
    assert all(link.removeprefix("mailto:") in written for link in links)
