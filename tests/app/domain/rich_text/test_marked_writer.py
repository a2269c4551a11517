"""Slack, WhatsApp and Viber: what is written is judged by a checker that knows nothing of the writer."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given

from app.domain.rich_text.characters import GUARD
from app.domain.rich_text.document import Document, Mark, from_text
from app.domain.rich_text.html_reader import read as read_html
from app.domain.rich_text.marked_reader import read
from app.domain.rich_text.marked_writer import write
from app.domain.rich_text.signs import SLACK, VIBER, WHATSAPP, Signs
from tests.app.domain.rich_text.texts import DOCUMENTS, TEXTS, html, quick, visible, without_guards

ALL = pytest.mark.parametrize("signs", [SLACK, WHATSAPP, VIBER], ids=["slack", "whatsapp", "viber"])
WITHOUT_ESCAPES = pytest.mark.parametrize("signs", [WHATSAPP, VIBER], ids=["whatsapp", "viber"])

_ADDRESS = re.compile(r"https?://\S+")
_LINK = re.compile(r"<([^<>|]+)\|([^<>]*)>")


@dataclass
class Line:
    """A line as an app shows it: its text without signs, and what was formatted."""

    text: str
    formatted: list[tuple[str, str]]


def look(line: str) -> Line:
    """Read one line the way an app does: a sign opens behind a non-letter and closes before one, never by a space."""
    shown: list[str] = []
    formatted: list[tuple[str, str]] = []
    at = 0
    while at < len(line):
        address = _ADDRESS.match(line, at)
        sign = "```" if line.startswith("```", at) else line[at]
        end = _closing(line, at, sign)
        if address:
            shown.append(address[0])
            at = address.end()
        elif end is None:
            shown.append(sign)
            at += len(sign)
        else:
            inner = line[at + len(sign) : end]
            inside = Line(inner, []) if "`" in sign else look(inner)
            shown.append(inside.text)
            formatted += [(sign, inside.text), *inside.formatted]
            at = end + len(sign)
    return Line("".join(shown), formatted)


def _closing(line: str, at: int, sign: str) -> int | None:
    opens = sign in {"*", "_", "~", "`", "```"} and not line[at - 1 : at].isalnum() if at else sign in "*_~```"
    start = at + len(sign)
    if not opens or not line[start : start + 1].strip(f" {GUARD}"):
        return None
    for end in range(start + 1, len(line)):
        after = line[end + len(sign) : end + len(sign) + 1]
        if line.startswith(sign, end) and line[end - 1].strip(f" {GUARD}") and not after.isalnum():
            return end
    return None


def written(source: str, signs: Signs) -> str:
    return write(read_html(source), signs)


@pytest.mark.parametrize(
    ("source", "slack", "whatsapp"),
    [
        ("<b>a</b> <i>b</i> <s>c</s>", "*a* _b_ ~c~", "*a* _b_ ~c~"),
        ("<b>a <i>b</i></b>.", "*a _b_*.", "*a _b_*."),
        ("<b>a </b><i> b</i>", "*a* _b_", "*a* _b_"),
        ("un<b>believ</b>able", "unbelievable", "unbelievable"),
        ("<u>a</u>", "a", "a"),
        ("<code>x * y_z</code>", "`x * y_z`", "```x * y_z```"),
        ("<b>a<br>b</b>", "*a*\n*b*", "*a*\n*b*"),
        ("<b>2*3</b>", "2*3", "2*3"),
        ("<pre>a\n *b*</pre>", "```\na\n *b*\n```", "```\na\n *b*\n```"),
        ("<ul><li><b>a</b></li></ul>", "• *a*", "• *a*"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b", "1. a\n2. b"),
        ("<blockquote>a<br>b</blockquote>", "&gt; a\n&gt; b", "> a\n> b"),
        ('<a href="https://a.example/?b=1&amp;c=2">d</a>', "<https://a.example/?b=1&amp;c=2|d>", None),
        ('<b><a href="https://a.example">d</a></b>', "*<https://a.example|d>*", "*d* (https://a.example)"),
        ("a &lt;b&gt; &amp;amp;", "a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
    ],
)
def test_written(source: str, slack: str, whatsapp: str | None) -> None:
    assert written(source, SLACK) == slack
    assert whatsapp is None or {written(source, one) for one in (WHATSAPP, VIBER)} == {whatsapp}


@pytest.mark.parametrize(
    "text",
    ["2 * 3 * 4", "snake_case_name", "~ 5", "a*b*c", "one * alone", "*", "https://a.example/_b_/*c*", "a_b@c.example"],
)
@ALL
def test_signs_that_mean_nothing_are_left_as_they_are(text: str, signs: Signs) -> None:
    assert written(html(text), signs) == text


@pytest.mark.parametrize(
    "text", ["*a*", "_a_ b", "say ~a~", "`a`", "```a```", "*a b*", "(*a*)", "**a**", "*_a_*", "> a"]
)
@ALL
def test_signs_that_somebody_typed_format_nothing(text: str, signs: Signs) -> None:
    sent = written(html(text), signs)
    assert look(signs.unescape(sent)).formatted == []
    assert not sent.startswith((">", "&gt;"))
    assert without_guards(signs.unescape(sent)) == text


@ALL
@quick
@given(text=TEXTS)
def test_nothing_is_formatted_that_nobody_formatted(signs: Signs, text: str) -> None:
    sent = write(from_text(text), signs)
    for line in signs.unescape(sent).split("\n"):
        assert look(line).formatted == []
    assert visible(signs.unescape(sent)) == visible(text)
    assert read(sent, signs).is_plain


@WITHOUT_ESCAPES
@quick
@given(document=DOCUMENTS)
def test_only_what_is_formatted_is_and_the_text_is_whole(signs: Signs, document: Document) -> None:
    sent = write(Document(tuple(one for one in document.paragraphs if not one.is_code)), signs)
    looks = [look(line) for line in sent.split("\n")]
    bold = _marked(document, Mark.BOLD)
    assert all(visible(text) in bold for line in looks for sign, text in line.formatted if sign == "*")
    shown = iter(visible("".join(line.text for line in looks)))
    kept = "".join(one.text for one in document.paragraphs if not one.is_code)
    assert all(char in shown for char in visible(kept))


def _marked(document: Document, mark: Mark) -> str:
    runs = (run for one in document.paragraphs for run in one.runs)
    return visible("".join(run.text if mark in run.marks else "\n|\n" for run in runs))


@quick
@given(document=DOCUMENTS)
def test_slacks_brackets_are_links_only(document: Document) -> None:
    sent = write(document, SLACK)
    links = {run.link for one in document.paragraphs for run in one.runs if run.link}
    assert {SLACK.unescape(target) for target, _ in _LINK.findall(sent)} <= links
    assert not {"<", ">"} & set(_LINK.sub("", sent))
    assert not re.search(r"&(?!amp;|lt;|gt;)", sent)
