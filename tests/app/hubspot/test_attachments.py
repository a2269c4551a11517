from __future__ import annotations

from typing import Any

import pytest

from app.domain.message import Attachment, AttachmentKind, Choice
from app.hubspot.attachments import FileRef, file_id, read_content, write_file


def attachment(**item: Any) -> Attachment:
    (found,) = read_content("", "", [{"type": "FILE", **item}], "").attachments
    return found


@pytest.mark.parametrize(
    ("usage", "name", "kind"),
    [
        ("IMAGE", "x", AttachmentKind.IMAGE),
        ("AUDIO", "x", AttachmentKind.AUDIO),
        ("VOICE_RECORDING", "x.mp3", AttachmentKind.VOICE),
        ("STICKER", "x.png", AttachmentKind.STICKER),
        ("OTHER", "x.pdf", AttachmentKind.FILE),
        ("OTHER", "x.png", AttachmentKind.IMAGE),
        ("OTHER", "x.mp4", AttachmentKind.VIDEO),
        ("UNHEARD_OF", "", AttachmentKind.FILE),
        (None, "x.mp3", AttachmentKind.AUDIO),
    ],
)
def test_kinds(usage: str | None, name: str, kind: AttachmentKind) -> None:
    assert attachment(fileId="1", fileUsageType=usage, name=name).kind is kind


def test_the_address_is_the_source_and_the_file_stays_known() -> None:
    found = attachment(fileId=55, url="https://files/a")
    assert (found.source, file_id(found)) == ("https://files/a", "55")


def test_the_file_stays_known_after_it_was_stored() -> None:
    stored = attachment(fileId="55", url="https://files/a").model_dump_json()
    assert file_id(Attachment.model_validate_json(stored)) == "55"


def test_without_an_address_the_file_is_the_source() -> None:
    found = attachment(fileId="55")
    assert (found.source, file_id(found)) == ("hubspot-file:55", "55")


def test_an_address_without_a_file() -> None:
    found = attachment(url="https://files/a")
    assert (found.source, file_id(found)) == ("https://files/a", "")


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ({"type": "LOCATION"}, "[location]"),
        ({"type": "LOCATION", "latitude": 95, "longitude": 13, "name": "Shop", "url": "https://s"}, "Shop, https://s"),
        ({"type": "CONTACT", "contactProfile": "odd"}, "[contact]"),
        ({"type": "MESSAGE_HEADER", "text": "Order 7"}, "Order 7"),
        ({"type": "UNSUPPORTED_CONTENT"}, "[attachment]"),
        ({"type": "UNHEARD_OF"}, "[attachment]"),
        ({"type": "FILE"}, "[attachment]"),
        ({}, "[attachment]"),
    ],
)
def test_what_has_no_bytes_becomes_words(item: dict[str, Any], line: str) -> None:
    content = read_content("Hello", "<p>Hello</p>", [item], "")
    assert content.attachments == ()
    assert content.text == f"Hello\n{line}"
    assert content.html is not None
    assert content.html.startswith("<p>Hello</p><p>")


def test_quick_replies_are_choices() -> None:
    replies = [
        {"value": "yes", "valueType": "TEXT", "label": "Yes!"},
        {"value": "no", "valueType": "TEXT"},
        {"value": "https://shop", "valueType": "URL", "label": "Shop"},
        {},
    ]
    content = read_content("Hello", "<p>Hello</p>", [{"type": "QUICK_REPLIES", "quickReplies": replies}], "")
    assert content.choices == (Choice(label="Yes!"), Choice(label="no"), Choice(label="Shop", url="https://shop"))
    assert (content.text, content.html) == ("Hello", "<p>Hello</p>")


def test_a_picture_in_the_text_is_an_attachment_once() -> None:
    html = '<p>See <img src="https://files/a.png" alt="plan"><img src="https://files/b.png"></p>'
    content = read_content("See", html, [{"type": "FILE", "fileId": "5", "url": "https://files/b.png"}], "")
    assert [(one.source, one.name) for one in content.attachments] == [
        ("https://files/b.png", ""),
        ("https://files/a.png", "plan"),
    ]
    assert content.attachments[1].kind is AttachmentKind.IMAGE


@pytest.mark.parametrize("kind", ["SOCIAL_MEDIA_METADATA", "WHATSAPP_TEMPLATE_METADATA"])
def test_metadata_says_nothing(kind: str) -> None:
    assert read_content("Hello", "", [{"type": kind}], "").text == "Hello"


def test_words_are_escaped_in_html() -> None:
    content = read_content("", "<p>x</p>", [{"type": "MESSAGE_HEADER", "text": "<b>&\nx"}], "")
    assert content.html == "<p>x</p><p>&lt;b&gt;&amp;<br>x</p>"


def test_plain_text_has_no_html() -> None:
    assert read_content("Hello", "", [], "").html is None


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (AttachmentKind.IMAGE, "IMAGE"),
        (AttachmentKind.AUDIO, "AUDIO"),
        (AttachmentKind.VOICE, "VOICE_RECORDING"),
        (AttachmentKind.STICKER, "STICKER"),
        (AttachmentKind.VIDEO, None),
        (AttachmentKind.FILE, None),
        (None, None),
    ],
)
def test_a_usage_is_told_only_where_hubspot_has_a_word(kind: AttachmentKind | None, word: str | None) -> None:
    assert write_file(FileRef("55", kind), with_usage=True).get("fileUsageType") == word


def test_a_file_without_its_usage() -> None:
    assert write_file(FileRef("55", AttachmentKind.IMAGE), with_usage=False) == {"type": "FILE", "fileId": "55"}
