from __future__ import annotations

import pytest

from app.domain.rich_text.characters import beginning
from app.domain.rich_text.opening import begin_with

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"


@pytest.mark.parametrize(
    ("formatted", "expected"),
    [
        ("<p>Hi</p>", "<p>&lt;A&gt;<br>b: Hi</p>"),
        (' <div class="x"><p>Hi</p></div>', ' <div class="x"><p>&lt;A&gt;<br>b: Hi</p></div>'),
        ("<ul><li>Hi</li></ul>", "&lt;A&gt;<br>b: <ul><li>Hi</li></ul>"),
        ("", "&lt;A&gt;<br>b: "),
        (None, None),
    ],
)
def test_words_stand_on_the_first_line(formatted: str | None, expected: str | None) -> None:
    assert begin_with("<A>\nb: ", formatted) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", ""), ("abc", "abc"), ("abcd", "abc…"), ("ab cd", "ab…"), (FAMILY * 4, FAMILY * 3 + "…"), (FAMILY, FAMILY)],
)
def test_a_beginning_has_whole_characters(text: str, shown: str) -> None:
    assert beginning(text, 3) == shown
