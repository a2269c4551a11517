from __future__ import annotations

import pytest
from hypothesis import given

from app.domain.rich_text.document import Document
from app.domain.rich_text.html_reader import read as read_html
from app.domain.rich_text.html_writer import write as write_html
from app.domain.rich_text.marked_reader import read
from app.domain.rich_text.marked_writer import write
from app.domain.rich_text.signs import SLACK, VIBER, WHATSAPP, Signs
from tests.app.domain.rich_text.texts import DOCUMENTS, quick, visible

ALL = pytest.mark.parametrize("signs", [SLACK, WHATSAPP, VIBER], ids=["slack", "whatsapp", "viber"])


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("*a* _b_ ~c~ `d`", "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code></p>"),
        ("*a _b_*", "<p><strong>a <em>b</em></strong></p>"),
        ("a*b*c * d* *e *", "<p>a*b*c * d* *e *</p>"),
        ("`*a*`", "<p><code>*a*</code></p>"),
        ("x\n```\na\n *b*\n```\ny", "<p>x</p><pre><code>a\n *b*</code></pre><p>y</p>"),
        ("*a\nb*", "<p>*a<br>b*</p>"),
        ("", ""),
    ],
)
@ALL
def test_read(text: str, source: str, signs: Signs) -> None:
    assert write_html(read(text, signs)) == source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("&gt; a\n&gt; b\nc", "<blockquote><p>a<br>b</p></blockquote><p>c</p>"),
        ("<https://a.example/?b=1&amp;c=2|d &amp; e>", '<p><a href="https://a.example/?b=1&amp;c=2">d &amp; e</a></p>'),
        ("<https://a.example>", '<p><a href="https://a.example">https://a.example</a></p>'),
        ("*see <https://a.example|b_c_d>*", '<p><strong>see </strong><a href="https://a.example">'),
        ("<@U1> <@U1|dana> <#C1|shop> <!here> <!date^1^x|now>", "<p>@U1 dana shop @here now</p>"),
        ("&lt;b&gt; &amp;amp;", "<p>&lt;b&gt; &amp;amp;</p>"),
    ],
)
def test_read_slack(text: str, source: str) -> None:
    assert write_html(read(text, SLACK)).startswith(source)


def test_read_whatsapps_quotation() -> None:
    assert write_html(read("> *a*", WHATSAPP)) == "<blockquote><p><strong>a</strong></p></blockquote>"


@ALL
@quick
@given(document=DOCUMENTS)
def test_there_and_back_the_text_is_the_same(signs: Signs, document: Document) -> None:
    sent = write(document, signs)
    back = read(sent, signs)
    rest = iter(visible(back.text))
    assert all(char in rest for char in visible(document.text))
    assert visible(read_html(write_html(back)).text) == visible(back.text)
