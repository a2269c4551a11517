from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.capability import Capabilities, LengthUnit, fit, length, split
from app.domain.message import Attachment, AttachmentKind, Content

#: Short words, spaces, line ends, characters of two UTF-16 units and of four bytes.
TEXTS = st.text(alphabet=st.sampled_from("ab \n\u00e9\u4e2d\U0001f600"), max_size=120) | st.text(max_size=60)

PICTURE = Attachment(kind=AttachmentKind.IMAGE, source="https://files.example/a.png", name="a.png", size=10)
SHORT = Capabilities(text_length=20)


def pieces(text: str, limit: int, unit: LengthUnit = LengthUnit.CHARACTERS) -> list[str]:
    return list(split(text, limit, unit=unit))


def without_space(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    ("unit", "expected"), [(LengthUnit.CHARACTERS, 3), (LengthUnit.UTF16, 4), (LengthUnit.BYTES, 7)]
)
def test_a_text_is_counted_in_the_units_of_the_service(unit: LengthUnit, expected: int) -> None:
    assert length("a\u00e9\U0001f600", unit) == expected


@given(text=TEXTS, limit=st.integers(4, 40), unit=st.sampled_from(LengthUnit))
def test_every_piece_fits_and_nothing_is_lost(text: str, limit: int, unit: LengthUnit) -> None:
    cut = pieces(text, limit, unit)
    assert without_space("".join(cut)) == without_space(text)
    assert all(length(piece, unit) <= limit for piece in cut)
    assert all(piece.strip() for piece in cut)


def test_no_pair_of_surrogates_is_torn() -> None:
    assert pieces("\U0001f600" * 5, 3, LengthUnit.UTF16) == ["\U0001f600"] * 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three four five", ["one two three four", "five"]),
        ("one two three\nfour five six", ["one two three", "four five six"]),
        ("one two three\n\nfour\nfive six", ["one two three", "four\nfive six"]),
        ("a " + "b" * 30, ["a " + "b" * 18, "b" * 12]),
        ("x" * 20, ["x" * 20]),
    ],
)
def test_a_text_is_cut_where_people_pause(text: str, expected: list[str]) -> None:
    assert pieces(text, 20) == expected


def test_a_long_text_of_words_is_cut_in_reasonable_time() -> None:
    text = "word " * 40_000
    assert without_space("".join(pieces(text, 4_000))) == without_space(text)


def test_formatting_is_kept_only_where_the_text_is_whole() -> None:
    assert fit(Content(text="Hi", html="<b>Hi</b>"), SHORT)[0].html == "<b>Hi</b>"
    parts = fit(Content(text="one two three four five", html="<b>one</b>"), SHORT)
    assert [part.html for part in parts] == [None, None]


def test_an_attachment_that_the_service_takes_is_a_part_of_its_own() -> None:
    capabilities = Capabilities(text_length=100, attachments={AttachmentKind.IMAGE: 10})
    text, picture = fit(Content(text="Look", attachments=(PICTURE,)), capabilities)
    assert text.text == "Look"
    assert picture.attachment == PICTURE


@pytest.mark.parametrize(
    "attachments",
    [{}, {AttachmentKind.IMAGE: 9}, {AttachmentKind.VIDEO: 100}],
    ids=["takes none", "too large", "another kind"],
)
def test_an_attachment_that_it_does_not_take_becomes_a_line(attachments: dict[AttachmentKind, int]) -> None:
    capabilities = Capabilities(text_length=100, attachments=attachments)
    [part] = fit(Content(text="Look", attachments=(PICTURE,)), capabilities)
    assert part.text == "Look\n[a.png] https://files.example/a.png"


def test_a_secret_source_of_an_attachment_is_not_shown() -> None:
    secret = Attachment(kind=AttachmentKind.VOICE, source="file-id-7")
    [part] = fit(Content(attachments=(secret,)), Capabilities(text_length=100))
    assert part.text == "[voice]"


def test_an_empty_message_is_still_one_part() -> None:
    assert [part.text for part in fit(Content(text=" \n "), SHORT)] == ["(empty message)"]


def test_only_the_first_part_quotes_and_only_where_the_service_can() -> None:
    content = Content(text="one two three four five", reply_to="m7")
    quoting = Capabilities(text_length=20, replies=True)
    assert [part.reply_to for part in fit(content, quoting)] == ["m7", None]
    assert [part.reply_to for part in fit(content, SHORT)] == [None, None]
