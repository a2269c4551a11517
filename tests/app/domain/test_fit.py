from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.capability import Accepts, Capabilities, LengthUnit, RichTextDialect
from app.domain.fit import EMPTY, fit
from app.domain.length import length
from app.domain.message import Attachment, AttachmentKind, Card, Choice, Content, Place
from app.domain.part import PartContent
from app.domain.rich_text.html_reader import read
from tests.app.domain.rich_text.texts import TEXTS, visible

PICTURE = Attachment(kind=AttachmentKind.IMAGE, source="https://files.example/a.png", name="a.png", size=10)
VOICE = Attachment(kind=AttachmentKind.VOICE, source="https://files.example/a.ogg", name="a.ogg", size=10)
SHORT = Capabilities(text_length=20)
RICH = Capabilities(text_length=20, rich_text=RichTextDialect.TELEGRAM)
FILES = {AttachmentKind.IMAGE: Accepts(10), AttachmentKind.VOICE: Accepts(10)}
YES, NO = Choice(label="Yes"), Choice(label="No")


def told(content: Content, capabilities: Capabilities) -> list[tuple[str, str]]:
    """Return each part's text and the name of its attachment."""
    return [(one.text, one.attachment.name if one.attachment else "") for one in fit(content, capabilities)]


def test_formatting_is_kept_on_both_sides_of_a_cut() -> None:
    assert fit(Content(text="Hi", html="<b>Hi</b>"), RICH) == [
        PartContent(text="Hi", html="<p><strong>Hi</strong></p>")
    ]
    parts = fit(Content(text="x", html="<b>one two three four five</b>"), RICH)
    assert [part.html for part in parts] == [
        "<p><strong>one two three four</strong></p>",
        "<p><strong>five</strong></p>",
    ]


def test_where_signs_are_in_the_text_there_is_no_html() -> None:
    whatsapp = Capabilities(text_length=20, rich_text=RichTextDialect.WHATSAPP)
    assert fit(Content(text="Hi", html="<b>Hi</b>"), whatsapp) == [PartContent(text="*Hi*")]
    assert fit(Content(text="Hi", html="<b>Hi</b>"), SHORT) == [PartContent(text="Hi")]


def test_addresses_of_links_reach_a_service_without_links() -> None:
    content = Content(text="See here", html='<p>See <a href="https://a.example">here</a></p>')
    assert fit(content, Capabilities(text_length=100))[0].text == "See here (https://a.example)"


@pytest.mark.parametrize("html", ["", "<p></p>", "<script>x</script>", "<img src='https://files.example/b.png'>"])
def test_html_that_says_nothing_leaves_the_text(html: str) -> None:
    assert fit(Content(text="Hello", html=html), RICH)[0].text.startswith("Hello")


def test_an_attachment_that_the_service_takes_is_a_part_of_its_own() -> None:
    capabilities = Capabilities(text_length=100, attachments=FILES)
    assert told(Content(text="Look", attachments=(PICTURE, VOICE)), capabilities) == [
        ("Look", ""),
        ("", "a.png"),
        ("", "a.ogg"),
    ]


@pytest.mark.parametrize(
    ("label", "content", "expected"),
    [
        ("short", Content(text="Look", attachments=(PICTURE, VOICE)), [("Look", "a.png"), ("", "a.ogg")]),
        (
            "long",
            Content(text="one two three four five six seven", attachments=(PICTURE, VOICE)),
            [("one two", "a.png"), ("three four five six", ""), ("seven", ""), ("", "a.ogg")],
        ),
        ("none", Content(attachments=(PICTURE,)), [("", "a.png")]),
        (
            "a kind without",
            Content(text="Listen", attachments=(VOICE, PICTURE)),
            [("Listen", ""), ("", "a.ogg"), ("", "a.png")],
        ),
    ],
)
def test_captions(label: str, content: Content, expected: list[tuple[str, str]]) -> None:
    captions = Capabilities(text_length=20, caption_length=10, attachments=FILES)
    assert told(content, captions) == expected, label


@pytest.mark.parametrize(
    "attachments",
    [{}, {AttachmentKind.IMAGE: Accepts(9)}, {AttachmentKind.VIDEO: Accepts(100)}],
    ids=["takes none", "too large", "another kind"],
)
def test_an_attachment_that_it_does_not_take_becomes_a_line(attachments: dict[AttachmentKind, Accepts]) -> None:
    capabilities = Capabilities(text_length=100, attachments=attachments)
    assert told(Content(text="Look", attachments=(PICTURE,)), capabilities) == [
        ("Look\n[a.png] https://files.example/a.png", "")
    ]


def test_a_picture_in_the_text_is_sent_beside_it_once() -> None:
    content = Content(
        text="Look", html='Look <img src="https://files.example/a.png"><img src="https://x.example/b.png">'
    )
    pictures = Capabilities(text_length=100, attachments=FILES)
    sent = fit(content.model_copy(update={"attachments": (PICTURE,)}), pictures)
    assert [one.attachment.source for one in sent if one.attachment] == [PICTURE.source, "https://x.example/b.png"]
    assert fit(content, SHORT.__class__(text_length=200))[0].text == (
        "Look\n[image] https://files.example/a.png\n[image] https://x.example/b.png"
    )


def test_a_secret_source_of_an_attachment_is_not_shown() -> None:
    secret = Attachment(kind=AttachmentKind.VOICE, source="file-id-7")
    [part] = fit(Content(attachments=(secret,)), Capabilities(text_length=100))
    assert part.text == "[voice]"


@pytest.mark.parametrize("text", ["", " \n ", "\0", "\0 \u200b\u200d", "\ud83d"])
def test_an_empty_message_is_still_one_part(text: str) -> None:
    assert fit(Content(text=text), SHORT) == [PartContent(text=EMPTY)]


@pytest.mark.parametrize("dialect", RichTextDialect)
def test_what_no_service_takes_is_left_out(dialect: RichTextDialect) -> None:
    capabilities = Capabilities(text_length=20, rich_text=dialect)
    assert fit(Content(text="a\0b\udc00c\r\nd"), capabilities)[0].text == "abc\nd"


def test_only_the_first_part_quotes_and_only_where_the_service_can() -> None:
    content = Content(text="one two three four five", reply_to="m7")
    quoting = Capabilities(text_length=20, replies=True)
    assert [part.reply_to for part in fit(content, quoting)] == ["m7", None]
    assert [part.reply_to for part in fit(content, SHORT)] == [None, None]


# Choices ------------------------------------------------------------------------------------------------------------


def test_choices_are_numbered_where_there_are_no_buttons() -> None:
    link = Choice(label="Shop", url="https://a.example")
    assert fit(Content(text="Well?", choices=(YES, NO, link)), Capabilities(text_length=100)) == [
        PartContent(text="Well?\n1. Yes\n2. No\n3. Shop (https://a.example)")
    ]
    assert told(Content(choices=(YES,)), SHORT) == [("1. Yes", "")]


@pytest.mark.parametrize(
    ("label", "capabilities"),
    [
        ("too many", Capabilities(text_length=100, choices=1)),
        ("too long", Capabilities(text_length=100, choices=3, choice_length=2)),
    ],
)
def test_choices_that_are_too_much_are_all_numbered(label: str, capabilities: Capabilities) -> None:
    [part] = fit(Content(text="Well?", choices=(YES, NO)), capabilities)
    assert (part.text, part.choices) == ("Well?\n1. Yes\n2. No", ()), label


def test_buttons_stand_under_the_last_text() -> None:
    buttons = Capabilities(text_length=12, choices=2, attachments=FILES)
    parts = fit(Content(text="Would you like it?", choices=(YES, NO), attachments=(PICTURE,)), buttons)
    assert [(one.text, one.choices) for one in parts] == [("Would you", ()), ("like it?", (YES, NO)), ("", ())]
    [alone] = fit(Content(choices=(YES, NO)), buttons)
    assert (alone.text, alone.choices) == ("1. Yes\n2. No", ())


# Everything together ------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    text=TEXTS,
    formatted=st.booleans(),
    most=st.integers(12, 60),
    unit=st.sampled_from([LengthUnit.CHARACTERS, LengthUnit.UTF16]),
    dialect=st.sampled_from(RichTextDialect),
    caption=st.sampled_from([0, 12, 30]),
)
def test_every_part_fits_and_the_text_is_whole(
    *, text: str, formatted: bool, most: int, unit: LengthUnit, dialect: RichTextDialect, caption: int
) -> None:
    capabilities = Capabilities(
        text_length=most, text_unit=unit, rich_text=dialect, caption_length=caption, attachments=FILES
    )
    html = f"<b>{text.replace('&', '&amp;').replace('<', '&lt;')}</b>" if formatted else None
    parts = fit(Content(text=text, html=html, attachments=(PICTURE,)), capabilities)
    assert [one.attachment for one in parts if one.attachment] == [PICTURE]
    assert all(length(one.text, unit) <= (caption or most if one.attachment else most) for one in parts)
    shown = iter(visible("".join(read(one.html).text if one.html else one.text for one in parts)))
    assert dialect is RichTextDialect.SLACK or all(char in shown for char in visible(text))


def test_parts_of_an_older_release_are_read() -> None:
    stored = {"text": "Hi", "html": "<div>Hi</div>", "reply_to": "m1", "buttons": ["yes"]}
    assert PartContent.model_validate(stored).choices == ()


MARKET = Place(latitude=38.7, longitude=-9.14, name="Market", address="Rua 1")
DANA = Card(name="Dana", organisation="Shop", phones=("+351 1",), emails=("d@shop.example",))


def test_a_place_and_a_card_are_parts_of_their_own_after_the_text() -> None:
    parts = fit(Content(text="Here", places=(MARKET,), cards=(DANA,)), Capabilities(99, places=True, cards=True))
    assert parts == [PartContent(text="Here"), PartContent(place=MARKET), PartContent(card=DANA)]


def test_a_place_and_a_card_become_lines_where_the_service_has_neither() -> None:
    (part,) = fit(Content(places=(MARKET,), cards=(DANA,)), Capabilities(999))
    assert part.text.split("\n") == [
        "Market, Rua 1",
        "https://www.google.com/maps?q=38.7,-9.14",
        "Dana",
        "Shop",
        "+351 1",
        "d@shop.example",
    ]
    assert fit(Content(cards=(Card(),)), Capabilities(99)) == [PartContent(text="[contact]")]
