"""What agents send that is more than words: files, places, contacts and buttons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import telegram
from pydantic import JsonValue

from app.conformance.samples import Subject
from app.conformance.server import Scripted, ScriptedServer, Seen
from app.connectors.telegram import TelegramConnector
from app.connectors.telegram.cards import vcard
from app.domain.account import Account
from app.domain.fit import card_in_words, fit
from app.domain.message import Attachment, AttachmentKind, Card, Choice, Content, Message, Place
from app.domain.part import Part, PartContent, Sent
from app.errors import ContentUnsupported, MessageInvalid, OutcomeUnknown, RecipientUnreachable, RelayError
from app.http import Http
from tests.app.connectors.telegram_samples import RECORDED, SAMPLES, YES
from tests.app.connectors.uploading import Bytes, form_of

TELEGRAM = TelegramConnector()
SUBJECT = Subject(TELEGRAM, SAMPLES)
IMAGE, VIDEO, AUDIO = AttachmentKind.IMAGE, AttachmentKind.VIDEO, AttachmentKind.AUDIO
VOICE, STICKER, FILE = AttachmentKind.VOICE, AttachmentKind.STICKER, AttachmentKind.FILE
JPEG = Bytes("a.jpg", "image/jpeg", b"\xff\xd8\xff of a picture")
PLACE = Place(latitude=10.7769, longitude=106.7009)
DANA = Card(
    name="Dana Ng", organisation="Harbour; Sons", phones=("+84901234567", "+4930"), emails=("dana@example.org",)
)


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    client = Http(call_timeout=5)
    yield client
    client.close()


@pytest.fixture(scope="module")
def running() -> Iterator[ScriptedServer]:
    with ScriptedServer(Scripted(200, YES)) as server:
        yield server


@pytest.fixture
def server(running: ScriptedServer) -> ScriptedServer:
    running.play(Scripted(200, YES))
    return running


@pytest.fixture
def account(server: ScriptedServer) -> Account:
    return SUBJECT.account(server.url)


def file(media: Bytes, kind: AttachmentKind = IMAGE, conversation: str = "5", **content: Any) -> Part:
    attachment = Attachment(kind=kind, source="hubspot:1")
    return Part(conversation, PartContent(attachment=attachment, **content), key="key-1", media=media)


def part(**content: Any) -> Part:
    return Part("5", PartContent(**content), key="key-1")


def refusal(description: str, status: int = 400, **parameters: JsonValue) -> Scripted:
    body = {"ok": False, "error_code": status, "description": description, "parameters": parameters}
    return Scripted(status, json.dumps(body).encode())


def method_of(request: Seen) -> str:
    return request.path.rpartition("/")[2]


def refusing(description: str, *methods: str) -> Any:
    """Refuse these methods with this description, and do the others."""
    return lambda request: refusal(description) if method_of(request) in methods else Scripted(200, YES)


# Files --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mime", "size", "method", "field"),
    [
        (IMAGE, "image/jpeg", 10_000_000, "sendPhoto", "photo"),
        (IMAGE, "image/png", 9, "sendPhoto", "photo"),
        (IMAGE, "image/jpeg", 10_000_001, "sendDocument", "document"),
        (IMAGE, "image/gif", 20_000_000, "sendAnimation", "animation"),
        (IMAGE, "image/tiff", 9, "sendDocument", "document"),
        (VIDEO, "video/mp4", 50_000_000, "sendVideo", "video"),
        (VIDEO, "video/quicktime", 9, "sendDocument", "document"),
        (AUDIO, "audio/mpeg", 9, "sendAudio", "audio"),
        (AUDIO, "audio/mp4", 9, "sendAudio", "audio"),
        (AUDIO, "audio/ogg", 9, "sendDocument", "document"),
        (VOICE, "audio/ogg", 9, "sendVoice", "voice"),
        (VOICE, "audio/mpeg", 9, "sendVoice", "voice"),
        (VOICE, "audio/amr", 9, "sendDocument", "document"),
        (STICKER, "image/webp", 512_000, "sendSticker", "sticker"),
        (STICKER, "image/webp", 512_001, "sendDocument", "document"),
        (STICKER, "image/png", 9, "sendPhoto", "photo"),
        (STICKER, "image/gif", 9, "sendAnimation", "animation"),
        (FILE, "image/jpeg", 9, "sendDocument", "document"),
        (FILE, "application/pdf", 9, "sendDocument", "document"),
    ],
)
def test_a_file_is_sent_by_the_method_that_shows_it(
    kind: AttachmentKind,
    mime: str,
    size: int,
    method: str,
    field: str,
    server: ScriptedServer,
    account: Account,
    http: Http,
) -> None:
    media = Bytes("a name ä.bin", mime, b"the bytes", claimed=size)

    assert TELEGRAM.send(file(media, kind), account, http) == Sent(("321",))

    form = form_of(server.seen[0])
    assert (method_of(server.seen[0]), form.field) == (method, field)
    assert (form.name, form.mime, form.content) == ("a name ä.bin", mime, b"the bytes")
    asis = {"disable_content_type_detection": "true"} if method == "sendDocument" else {}
    assert form.texts == {"chat_id": "5", **asis}


def test_a_caption_has_its_formatting_its_quote_and_its_buttons(
    server: ScriptedServer, account: Account, http: Http
) -> None:
    sent = file(
        JPEG,
        conversation="bc-1:5",
        text="Look at it",
        html="<b>Look</b> at it",
        reply_to="77",
        choices=(Choice(label="Yes"),),
    )

    TELEGRAM.send(sent, account, http)

    texts = form_of(server.seen[0]).texts
    assert (texts["chat_id"], texts["business_connection_id"], texts["caption"]) == ("5", "bc-1", "Look at it")
    assert json.loads(texts["caption_entities"]) == [{"type": "bold", "offset": 0, "length": 4}]
    assert json.loads(texts["reply_parameters"]) == {"message_id": 77, "allow_sending_without_reply": True}
    assert json.loads(texts["reply_markup"])["inline_keyboard"] == [[{"text": "Yes", "callback_data": "choice:0"}]]


def test_a_long_text_goes_as_a_caption_and_after_it(server: ScriptedServer, account: Account, http: Http) -> None:
    content = Content(text="word " * 600, attachments=(Attachment(kind=IMAGE, source="hubspot:1"),))
    first, second = fit(content, TELEGRAM.capabilities)

    TELEGRAM.send(Part("5", first, key="1", media=JPEG), account, http)
    TELEGRAM.send(Part("5", second, key="2"), account, http)

    caption = form_of(server.seen[0]).texts["caption"]
    rest = server.seen[1].json()
    assert isinstance(rest, dict)
    assert 1000 < len(caption) <= 1024
    assert f"{caption} {rest['text']}".split() == ["word"] * 600


def test_a_formatted_caption_that_is_too_long_goes_plain(server: ScriptedServer, account: Account, http: Http) -> None:
    TELEGRAM.send(file(JPEG, text="plain", html=f"<b>{'x' * 1025}</b>"), account, http)

    assert form_of(server.seen[0]).texts["caption"] == "plain"


def test_a_large_file_is_streamed(server: ScriptedServer, account: Account, http: Http) -> None:
    media = Bytes("a.bin", "application/octet-stream", bytes(range(256)) * 20_000)

    TELEGRAM.send(file(media, FILE), account, http)

    assert form_of(server.seen[0]).content == media.content
    assert int(server.seen[0].headers["content-length"]) > media.size
    assert "transfer-encoding" not in server.seen[0].headers


@pytest.mark.parametrize(
    ("kind", "mime", "method", "description"),
    [
        (IMAGE, "image/jpeg", "sendPhoto", "Bad Request: PHOTO_INVALID_DIMENSIONS"),
        (IMAGE, "image/jpeg", "sendPhoto", "Bad Request: IMAGE_PROCESS_FAILED"),
        (IMAGE, "image/jpeg", "sendPhoto", "Bad Request: wrong type of the web page content"),
        (IMAGE, "image/jpeg", "sendPhoto", "Bad Request: file of size 10485761 bytes is too big for a photo"),
        (VIDEO, "video/mp4", "sendVideo", "Bad Request: VIDEO_CONTENT_TYPE_INVALID"),
        (VOICE, "audio/ogg", "sendVoice", "Bad Request: VOICE_MESSAGES_FORBIDDEN"),
        (STICKER, "image/webp", "sendSticker", "Bad Request: STICKER_INVALID"),
    ],
)
def test_what_telegram_does_not_show_goes_as_a_document(
    kind: AttachmentKind, mime: str, method: str, description: str, server: ScriptedServer, account: Account, http: Http
) -> None:
    server.play(refusing(description, method))
    media = Bytes("a.bin", mime, b"the bytes")

    assert TELEGRAM.send(file(media, kind, text="Look"), account, http).ids == ("321",)

    first, second = server.seen
    form = form_of(second)
    assert (method_of(first), method_of(second), form.field, form.content) == (
        method,
        "sendDocument",
        "document",
        b"the bytes",
    )
    assert form.texts == {"chat_id": "5", "caption": "Look", "disable_content_type_detection": "true"}
    assert media.opened == 2


def test_a_document_is_not_sent_again(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(refusal("Bad Request: MEDIA_INVALID"))

    with pytest.raises(ContentUnsupported, match="file"):
        TELEGRAM.send(file(JPEG, FILE), account, http)

    assert len(server.seen) == 1


def test_every_remedy_is_taken_once(server: ScriptedServer, account: Account, http: Http) -> None:
    """The group moved, the formatting is wrong and the picture is none: three refusals, and then it arrives."""

    def script(request: Seen) -> Scripted:
        form = form_of(request)
        if form.texts["chat_id"] == "-77":
            return refusal("Bad Request: upgraded", migrate_to_chat_id=-100777)
        if "caption_entities" in form.texts:
            return refusal("Bad Request: can't parse entities: x")
        return refusal("Bad Request: IMAGE_PROCESS_FAILED") if form.field == "photo" else Scripted(200, YES)

    server.play(script)
    media = Bytes("a.jpg", "image/jpeg", b"the bytes")

    sent = TELEGRAM.send(file(media, conversation="-77", text="Look", html="<b>Look</b>"), account, http)

    assert (sent.ids, sent.moved_to) == (("321",), "-100777")
    assert [form_of(one).content for one in server.seen] == [b"the bytes"] * 4
    assert form_of(server.seen[3]).texts["caption"] == "Look"


@pytest.mark.parametrize(
    ("status", "description", "error", "code"),
    [
        (413, "Request Entity Too Large", MessageInvalid, "too_large"),
        (400, "Bad Request: file must be non-empty", MessageInvalid, "file_empty"),
        (400, "Bad Request: message caption is too long", MessageInvalid, "too_long"),
        (400, "Bad Request: not enough rights to send photos to the chat", RecipientUnreachable, "no_rights"),
        (400, "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN", RecipientUnreachable, "no_rights"),
        (403, "Forbidden: bot was blocked by the user", RecipientUnreachable, "blocked"),
    ],
)
def test_a_file_that_is_refused_for_good(
    status: int,
    description: str,
    error: type[RelayError],
    code: str,
    server: ScriptedServer,
    account: Account,
    http: Http,
) -> None:
    server.play(refusal(description, status))

    with pytest.raises(error) as raised:
        TELEGRAM.send(file(JPEG), account, http)

    assert (type(raised.value), raised.value.reason, len(server.seen)) == (error, code, 1)


def test_a_file_whose_answer_is_lost_may_have_arrived(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(Scripted(reset=True))

    with pytest.raises(OutcomeUnknown):
        TELEGRAM.send(file(JPEG), account, http)


def test_a_file_that_is_not_at_hand_is_said_so(server: ScriptedServer, account: Account, http: Http) -> None:
    attachment = Attachment(kind=IMAGE, source="https://relay.example/a.png")

    with pytest.raises(ContentUnsupported, match="not at hand"):
        TELEGRAM.send(Part("5", PartContent(attachment=attachment), key="k"), account, http)

    assert server.seen == []


# Places and contacts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "method", "fields"),
    [
        (PLACE, "sendLocation", {}),
        (PLACE.model_copy(update={"name": "Market"}), "sendVenue", {"title": "Market", "address": "Market"}),
        (
            PLACE.model_copy(update={"name": "Market", "address": "1 Main Street"}),
            "sendVenue",
            {"title": "Market", "address": "1 Main Street"},
        ),
    ],
)
def test_a_place_is_a_point_on_the_map(
    place: Place, method: str, fields: dict[str, str], server: ScriptedServer, account: Account, http: Http
) -> None:
    TELEGRAM.send(part(place=place, reply_to="7"), account, http)

    assert method_of(server.seen[0]) == method
    assert server.seen[0].json() == {
        "chat_id": 5,
        "latitude": 10.7769,
        "longitude": 106.7009,
        "reply_parameters": {"message_id": 7, "allow_sending_without_reply": True},
        **fields,
    }


def test_a_card_is_a_contact_with_everything_in_it(server: ScriptedServer, account: Account, http: Http) -> None:
    TELEGRAM.send(part(card=DANA), account, http)

    sent = server.seen[0].json()
    assert isinstance(sent, dict)
    read = telegram.Contact.de_json(sent, bot=None)
    assert (method_of(server.seen[0]), read.phone_number, read.first_name) == ("sendContact", "+84901234567", "Dana Ng")
    assert read.vcard == (
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Dana Ng\r\nFN:Dana Ng\r\nORG:Harbour\\; Sons\r\nTEL:+84901234567\r\n"
        "TEL:+4930\r\nEMAIL:dana@example.org\r\nEND:VCARD\r\n"
    )


def test_a_line_break_in_a_card_begins_no_field() -> None:
    assert "NOTE" not in [line.partition(":")[0] for line in vcard(Card(name="a\r\nNOTE:x")).splitlines()]


def test_a_vcard_that_is_too_long_is_left_out(server: ScriptedServer, account: Account, http: Http) -> None:
    long = DANA.model_copy(update={"links": tuple(f"https://example.org/{at}" for at in range(100))})
    TELEGRAM.send(part(card=long), account, http)

    assert server.seen[0].json() == {"chat_id": 5, "phone_number": "+84901234567", "first_name": "Dana Ng"}


def test_a_card_without_a_number_goes_in_words(server: ScriptedServer, account: Account, http: Http) -> None:
    TELEGRAM.send(part(card=Card(name="Dana", emails=("dana@example.org",))), account, http)

    assert (method_of(server.seen[0]), server.seen[0].json()) == (
        "sendMessage",
        {"chat_id": 5, "text": "Dana\ndana@example.org"},
    )


def test_a_card_that_telegram_refuses_goes_in_words(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(refusing("Bad Request: PHONE_NUMBER_INVALID", "sendContact"))

    assert TELEGRAM.send(part(card=DANA, reply_to="7"), account, http).ids == ("321",)

    quote = {"message_id": 7, "allow_sending_without_reply": True}
    assert server.seen[1].json() == {"chat_id": 5, "text": card_in_words(DANA), "reply_parameters": quote}


# Buttons ------------------------------------------------------------------------------------------------------------


def test_answers_to_choose_from_are_buttons(server: ScriptedServer, account: Account, http: Http) -> None:
    choices = (Choice(label="Monday"), Choice(label="Prices", url="https://example.org/p"), Choice(label="Friday"))
    [one] = fit(Content(text="Which day?", choices=choices), TELEGRAM.capabilities)

    TELEGRAM.send(Part("5", one, key="k"), account, http)

    sent = server.seen[0].json()
    assert isinstance(sent, dict)
    keyboard = telegram.InlineKeyboardMarkup.de_json(sent["reply_markup"], bot=None).inline_keyboard
    assert [[(one.text, one.url, one.callback_data) for one in row] for row in keyboard] == [
        [("Monday", None, "choice:0")],
        [("Prices", "https://example.org/p", None)],
        [("Friday", None, "choice:2")],
    ]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "mailto:a@example.org", "https://["])
def test_a_button_leads_to_pages_only(address: str, server: ScriptedServer, account: Account, http: Http) -> None:
    TELEGRAM.send(part(text="x", choices=(Choice(label="a", url=address),)), account, http)

    sent = server.seen[0].json()
    assert isinstance(sent, dict)
    assert sent["reply_markup"]["inline_keyboard"] == [[{"text": "a", "callback_data": "choice:0"}]]


def test_a_button_that_is_refused_is_said_so(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(refusal("Bad Request: BUTTON_URL_INVALID"))

    with pytest.raises(MessageInvalid, match="button"):
        TELEGRAM.send(part(text="x", choices=(Choice(label="a", url="https://nowhere"),)), account, http)


def test_a_pressed_button_is_answered_by_the_webhooks_own_answer() -> None:
    answer = TELEGRAM.answer(SUBJECT.request(RECORDED["callback"]))

    assert answer.content_type == "application/json"
    assert json.loads(answer.body) == {"method": "answerCallbackQuery", "callback_query_id": "30532672231"}


@pytest.mark.parametrize("body", [RECORDED["text"], b"", b"[]", b'{"callback_query": 5}', b"[" * 100_000])
def test_everything_else_gets_an_empty_answer(body: bytes) -> None:
    assert TELEGRAM.answer(SUBJECT.request(body)).body == ""


# Albums -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "album"), [("album_item", "13789012345678901"), ("photo", "")])
def test_an_item_of_an_album_says_so(name: str, album: str) -> None:
    [event] = TELEGRAM.parse(SUBJECT.request(RECORDED[name]), SUBJECT.account())
    assert isinstance(event, Message)
    assert event.album == album


def test_an_edited_item_of_an_album_is_an_edit() -> None:
    item = json.loads(RECORDED["album_item"])
    body = {"update_id": 7, "edited_message": item["message"] | {"edit_date": 1795341800, "caption": "new"}}
    [event] = TELEGRAM.parse(SUBJECT.request(json.dumps(body).encode()), SUBJECT.account())
    assert isinstance(event, Message)
    assert (event.album, event.content.text) == ("", "new")
