from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import telegram
from pydantic import JsonValue, SecretStr, ValidationError

from app.conformance.samples import Subject
from app.conformance.server import Scripted, ScriptedServer, Seen
from app.connectors.base import FetchesMedia, RegistersWebhook, TestsCredentials
from app.connectors.telegram import TelegramConnector
from app.connectors.telegram.credentials import TelegramCredentials
from app.domain.account import Account
from app.domain.fit import fit
from app.domain.message import (
    Attachment,
    AttachmentKind,
    Card,
    Content,
    Event,
    Kind,
    Message,
    Notice,
    NoticeKind,
    Place,
    Unopened,
)
from app.domain.part import Part, PartContent
from app.domain.person import Identifier, IdentifierType
from app.domain.webhook import RawRequest
from app.errors import (
    MediaNotReady,
    MessageInvalid,
    OutcomeUnknown,
    RateLimited,
    RecipientUnreachable,
    Rejected,
    RelayError,
    ServiceUnavailable,
    SignatureInvalid,
    Transient,
    Unauthorized,
)
from app.http import Http
from tests.app.connectors.telegram_samples import CREDENTIALS, LEFT_OUT, RECORDED, SAMPLES, SECRET, TOKEN, UNOPENED, YES

TELEGRAM = TelegramConnector()
SUBJECT = Subject(TELEGRAM, SAMPLES)


#: Fields of a message that say nothing by themselves, by our names and by those of the independent reader.
NO_CONTENT = {"message_id", "date", "chat", "from_user", "migrate_to_chat_id", "migrate_from_chat_id"}


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    client = Http(call_timeout=5)
    yield client
    client.close()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(Scripted(200, YES)) as running:
        yield running


@pytest.fixture
def account(server: ScriptedServer) -> Account:
    return SUBJECT.account(server.url)


def events(name: str) -> list[Event]:
    return list(TELEGRAM.parse(SUBJECT.request(RECORDED[name]), SUBJECT.account()))


def message(name: str) -> Message:
    [event] = events(name)
    assert isinstance(event, Message)
    return event


def update(**fields: JsonValue) -> Message:
    """Parse a private message with these fields."""
    user: JsonValue = {"id": 5, "type": "private", "first_name": "Dana"}
    body: dict[str, JsonValue] = {"message_id": 1, "date": 1795341600, "chat": user, "from": user, **fields}
    raw = SUBJECT.request(json.dumps({"update_id": 1, "message": body}).encode())
    [event] = TELEGRAM.parse(raw, SUBJECT.account())
    assert isinstance(event, Message)
    return event


def part(text: str = "Hello", conversation: str = "5", **content: str) -> Part:
    return Part(conversation, PartContent.model_validate({"text": text, **content}), key="key-1")


def refusal(status: int, description: str, **parameters: JsonValue) -> Scripted:
    body = {"ok": False, "error_code": status, "description": description, "parameters": parameters}
    return Scripted(status, json.dumps(body).encode())


# The recorded payloads ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(RECORDED) - {"future_update"}))
def test_an_independent_reader_takes_the_recorded_update(name: str) -> None:
    read = telegram.Update.de_json(json.loads(RECORDED[name]), bot=None)

    kinds = [kind for kind in telegram.Update.ALL_TYPES if getattr(read, kind) is not None]
    assert kinds == [kind for kind in json.loads(RECORDED[name]) if kind != "update_id"]


# Who, where and when ------------------------------------------------------------------------------------------------


def test_text() -> None:
    text = message("text")

    assert (text.conversation, text.service_id, text.kind, text.revision) == ("7108942231", "101", Kind.MESSAGE, "")
    assert (text.sender.identifier.value, text.sender.name) == ("7108942231", "Dana Ng")
    assert (text.content.text, text.content.html) == ("Hello, is anybody there?", None)
    assert text.sent_at == datetime.fromtimestamp(1795341600 + 101, UTC)
    assert text.order == json.loads(RECORDED["text"])["update_id"]


@pytest.mark.parametrize(
    ("name", "conversation", "sender"),
    [
        ("group", "-4820011223", ("7108942231", "Dana Ng")),
        ("topic", "-1002233445566", ("7108942231", "Dana Ng")),
        ("anonymous_admin", "-1002233445566", ("-1002233445566", "Garden club")),
        ("channel_post", "-1009988776655", ("-1009988776655", "Garden news")),
        ("business_message", "bc-Qx71:7108942231", ("7108942231", "Dana Ng")),
        ("callback", "7108942231", ("7108942231", "Dana Ng")),
        ("reaction", "-1002233445566", ("7108942231", "Dana Ng")),
    ],
)
def test_conversation_and_sender(name: str, conversation: str, sender: tuple[str, str]) -> None:
    event = message(name)

    assert event.conversation == conversation
    assert (event.sender.identifier.value, event.sender.name) == sender


NUMBER = (Identifier(type=IdentifierType.PHONE, value="+84901234567"),)


def test_telegram_vouches_for_the_number_that_somebody_shares_about_themselves() -> None:
    assert message("contact").sender.vouched == NUMBER
    assert message("text").sender.vouched == ()


@pytest.mark.parametrize(
    ("label", "shared", "changes", "vouched"),
    [
        ("without the plus", {"phone_number": "84901234567", "user_id": 5}, {}, NUMBER),
        ("somebody else's", {"phone_number": "+84901234567", "user_id": 6}, {}, ()),
        ("nobody's on Telegram", {"phone_number": "+84901234567"}, {}, ()),
        ("no number", {"phone_number": "", "user_id": 5}, {}, ()),
        ("no number of any country", {"phone_number": "12", "user_id": 5}, {}, ()),
        ("forwarded", {"phone_number": "84901234567", "user_id": 5}, {"forward_origin": {"type": "user"}}, ()),
        ("by a channel", {"phone_number": "84901234567", "user_id": 5}, {"sender_chat": {"id": -100}}, ()),
    ],
)
def test_whose_number_a_shared_contact_is(
    label: str,  # noqa: ARG001
    shared: JsonValue,
    changes: dict[str, JsonValue],
    vouched: tuple[Identifier, ...],
) -> None:
    assert update(contact=shared, **changes).sender.vouched == vouched


@pytest.mark.parametrize(
    ("name", "customer"), [("channel_post", "-1009988776655"), ("edited_channel_post", "-1009988776655")]
)
def test_a_channels_post_is_our_own_sides(name: str, customer: str) -> None:
    event = message(name)
    assert event.own
    assert event.customer is not None
    assert event.customer.identifier.value == customer


def test_a_channels_administrator_who_signs_has_that_name() -> None:
    body = json.loads(RECORDED["channel_post"])
    body["channel_post"]["author_signature"] = "Robin"
    [event] = TELEGRAM.parse(SUBJECT.request(json.dumps(body).encode()), SUBJECT.account())
    assert isinstance(event, Message)
    assert event.sender.name == "Robin"


def test_what_the_owner_of_a_business_account_writes_is_our_own_sides() -> None:
    """It comes without a bot that sent it: the owner wrote in Telegram's own app."""
    body = json.loads(RECORDED["business_own"])
    del body["business_message"]["sender_business_bot"]
    [event] = TELEGRAM.parse(SUBJECT.request(json.dumps(body).encode()), SUBJECT.account())
    assert isinstance(event, Message)
    assert (event.own, event.sender.name) == (True, "Owner")
    assert event.customer is not None
    assert (event.customer.identifier.value, event.customer.name) == ("7108942231", "Dana Ng")


@pytest.mark.parametrize("name", ["text", "group", "topic", "anonymous_admin", "business_message", "reaction"])
def test_what_nobody_can_call_ours_is_a_customers(name: str) -> None:
    assert not message(name).own


def test_order_rises_from_update_to_update() -> None:
    recorded = sorted((json.loads(body)["update_id"], name) for name, body in RECORDED.items())
    firsts = (next(iter(events(name)), None) for _, name in recorded)
    orders = [event.order for event in firsts if isinstance(event, Message)]

    assert orders == sorted(set(orders))


def test_reply() -> None:
    assert message("reply").content.reply_to == "104"


def test_the_first_message_of_a_topic_is_no_quote() -> None:
    assert message("topic").content.reply_to is None


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_echoes_and_noise_are_left_out(name: str) -> None:
    assert events(name) == []


@pytest.mark.parametrize("name", sorted(UNOPENED))
def test_what_is_no_message_is_kept_unopened(name: str) -> None:
    [event] = events(name)

    assert isinstance(event, Unopened)
    assert event.reason.endswith(".")


def test_an_update_of_a_later_release_that_is_a_message_is_one() -> None:
    assert message("future_update").content.text == "From the future"


# What a message says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("command", "/start abc"),
        ("forwarded", "Look at this"),
        ("photo", "My garden"),
        ("video", "Look"),
        ("album_item", ""),
        ("sticker", "[sticker 😀]"),
        ("location", ""),
        ("location_live", "[live location, as it was at first]"),
        ("contact", ""),
        ("poll", "[poll: When? Monday / Friday]"),
        ("dice", "[🎲 4]"),
        ("story", "[a story, which bots cannot open]"),
        ("new_members", "[somebody joined the group]"),
        ("future_kind", "[a message that can be read in Telegram only: hologram]"),
        ("callback", "Friday"),
        ("reaction", "👍"),
        ("reaction_removed", "👍"),
    ],
)
def test_text_of(name: str, text: str) -> None:
    assert message(name).content.text == text


@pytest.mark.parametrize(
    ("name", "words"),
    [("location", {}), ("location_live", {}), ("venue", {"name": "Market", "address": "1 Main Street"})],
)
def test_place_of(name: str, words: dict[str, str]) -> None:
    assert message(name).content.places == (Place(latitude=10.7769, longitude=106.7009, **words),)


@pytest.mark.parametrize("name", sorted(set(telegram.Message.__slots__) - NO_CONTENT))
def test_no_kind_of_message_is_left_out_in_silence(name: str) -> None:
    """Whatever an independent reader of the API knows in a message."""
    user: JsonValue = {"id": 5, "type": "private", "first_name": "Dana"}
    body: JsonValue = {"message_id": 1, "date": 1795341600, "chat": user, "from": user, name: {"id": 1}}
    [event] = TELEGRAM.parse(SUBJECT.request(json.dumps({"update_id": 1, "message": body}).encode()), SUBJECT.account())
    assert isinstance(event, Unopened) or (isinstance(event, Message) and event.content.text)


def test_a_place_that_is_not_on_the_earth_is_a_line() -> None:
    content = update(location={"latitude": 91, "longitude": 0}).content
    assert (content.places, content.text) == ((), "[location]")


def test_a_contact_is_a_card_with_what_its_vcard_says_more() -> None:
    assert message("contact").content.cards == (Card(name="Dana Ng", phones=("+84901234567",)),)
    lines = "BEGIN:VCARD\nFN:D. Ng\nORG:Market\nTEL:+84 901 234 567\nTEL:+4930555\nEMAIL:d@example.org\nEND:VCARD"
    [card] = update(contact={"phone_number": "+84901234567", "first_name": "Dana", "vcard": lines}).content.cards
    assert (card.name, card.organisation, card.emails) == ("Dana", "Market", ("d@example.org",))
    assert card.phones == ("+84901234567", "+4930555")


def test_a_reaction_that_was_taken_back_says_which() -> None:
    assert not message("reaction").content.is_withdrawn
    assert message("reaction_removed").content.is_withdrawn


def test_deletions_of_telegram_business_are_of_the_customer_and_have_no_time() -> None:
    found = [one for one in events("business_deleted") if isinstance(one, Message)]
    assert [(one.kind, one.conversation, one.service_id) for one in found] == [
        (Kind.DELETION, "bc-Qx71:7108942231", "1"),
        (Kind.DELETION, "bc-Qx71:7108942231", "2"),
    ]
    assert {(one.sender.name, one.sent_at.timestamp()) for one in found} == {("Dana Ng", 0.0)}


@pytest.mark.parametrize(
    ("name", "kind", "file", "mime", "size"),
    [
        ("photo", AttachmentKind.IMAGE, "photo.jpg", "image/jpeg", 154000),
        ("document", AttachmentKind.FILE, "offer.pdf", "application/pdf", 48213),
        ("document_image", AttachmentKind.IMAGE, "plan.png", "image/png", 48213),
        ("audio", AttachmentKind.AUDIO, "song.mp3", "audio/mpeg", 3200000),
        ("voice", AttachmentKind.VOICE, "voice.ogg", "audio/ogg", 17333),
        ("video", AttachmentKind.VIDEO, "video.mp4", "video/mp4", 734003),
        ("video_note", AttachmentKind.VIDEO, "video_note.mp4", "video/mp4", 220111),
        ("animation", AttachmentKind.VIDEO, "cat.mp4", "video/mp4", 90210),
        ("sticker", AttachmentKind.STICKER, "sticker.webp", "image/webp", 20110),
        ("sticker_animated", AttachmentKind.STICKER, "sticker.tgs", "application/gzip", 20110),
        ("sticker_video", AttachmentKind.STICKER, "sticker.webm", "video/webm", 20110),
    ],
)
def test_attachment_of(name: str, kind: AttachmentKind, file: str, mime: str, size: int) -> None:
    [attachment] = message(name).content.attachments

    assert (attachment.kind, attachment.name, attachment.mime, attachment.size) == (kind, file, mime, size)
    assert attachment.source.startswith("AgACAgIAAxkBAAI")


def test_the_largest_photo_is_taken_wherever_it_stands() -> None:
    sizes: JsonValue = [{"file_id": "big", "width": 20, "height": 20}, {"file_id": "small", "width": 2, "height": 2}]

    assert update(photo=sizes).content.attachments[0].source == "big"


@pytest.mark.parametrize("fields", [{"photo": [{}]}, {"voice": {}}, {"sticker": {}}])
def test_a_file_without_an_id_is_told_in_words(fields: dict[str, JsonValue]) -> None:
    content = update(**fields).content

    assert content.text == f"[{next(iter(fields))}: Telegram gave no file for it]"
    assert content.attachments == ()


def test_formatting() -> None:
    content = message("entities").content

    assert content.text == "Hi 👋 bold link code\nhidden <b>"
    assert content.html == (
        '<p>Hi 👋 <strong>bold </strong><a href="https://example.com/?a=1&amp;b=2"><strong>link</strong></a> '
        '<code>code</code><br><span class="tg-spoiler">hidden</span> &lt;b&gt;</p>'
    )


def test_formatting_of_a_caption() -> None:
    assert message("photo").content.html == "<p>My <em>garden</em></p>"


@pytest.mark.parametrize(
    ("label", "entities", "html"),
    [
        ("none", [], None),
        ("plain kinds", [("mention", 0, 2), ("hashtag", 2, 1)], None),
        ("beyond the end", [("bold", 2, 9)], None),
        ("negative", [("bold", -1, 2)], None),
        ("empty", [("bold", 1, 0)], None),
        ("in a pair", [("bold", 0, 3)], None),
        ("around a pair", [("bold", 2, 2)], "<p>ab<strong>👋</strong>cd</p>"),
        ("overlapping", [("bold", 0, 4), ("italic", 2, 3)], "<p><strong>ab<em>👋</em></strong><em>c</em>d</p>"),
        ("same place", [("bold", 0, 2), ("underline", 0, 2)], "<p><strong><u>ab</u></strong>👋cd</p>"),
        ("whole", [("pre", 0, 6)], "<pre><code>ab👋cd</code></pre>"),
        ("strike", [("strikethrough", 0, 1)], "<p><s>a</s>b👋cd</p>"),
        ("quote", [("blockquote", 4, 2)], "<p>ab👋</p><blockquote><p>cd</p></blockquote>"),
        ("an address", [("url", 0, 2)], '<p><a href="http://ab">ab</a>👋cd</p>'),
        ("an email", [("email", 0, 2)], '<p><a href="mailto:ab">ab</a>👋cd</p>'),
    ],
)
def test_entities(label: str, entities: list[tuple[str, int, int]], html: str | None) -> None:  # noqa: ARG001
    sent: JsonValue = [{"type": kind, "offset": offset, "length": size} for kind, offset, size in entities]

    content = update(text="ab👋cd", entities=sent).content

    assert (content.text, content.html) == ("ab👋cd", html)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "https://[", ""])
def test_a_link_that_leads_nowhere_good_is_text(address: str) -> None:
    link: JsonValue = [{"type": "text_link", "offset": 0, "length": 2, "url": address}]

    assert update(text="ab", entities=link).content.html is None


# Edits, reactions, notices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["edited", "edited_channel_post", "edited_business_message"])
def test_an_edit_is_a_message_of_its_own_with_its_own_time(name: str) -> None:
    raw = json.loads(RECORDED[name])
    edit = message(name)

    assert edit.kind is Kind.EDIT
    assert edit.service_id == str(raw[name if name != "edited" else "edited_message"]["message_id"])
    assert edit.revision == str(raw["update_id"])
    assert edit.sent_at.timestamp() == raw[name if name != "edited" else "edited_message"]["edit_date"]


def test_reaction() -> None:
    given, taken = message("reaction"), message("reaction_removed")

    assert (given.kind, given.service_id) == (Kind.REACTION, "77")
    assert given.revision != taken.revision


def test_a_pressed_button_quotes_its_message() -> None:
    pressed = message("callback")

    assert pressed.service_id == "callback-30532672231"
    assert pressed.content.reply_to == str(json.loads(RECORDED["callback"])["callback_query"]["message"]["message_id"])


@pytest.mark.parametrize(
    ("name", "kind", "conversation", "detail"),
    [
        ("blocked", NoticeKind.OPTED_OUT, "7108942231", ""),
        ("unblocked", NoticeKind.OPTED_IN, "7108942231", ""),
        ("migrate_to", NoticeKind.MOVED, "-4820011223", "-1002233445566"),
        ("migrate_from", NoticeKind.MOVED, "-4820011223", "-1002233445566"),
    ],
)
def test_notice(name: str, kind: NoticeKind, conversation: str, detail: str) -> None:
    [notice] = events(name)

    assert isinstance(notice, Notice)
    assert (notice.kind, notice.conversation, notice.detail) == (kind, conversation, detail)


# Credentials and verification ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "123", "123:short", f"{TOKEN} ", f"x{TOKEN}", "123:" + "ä" * 35])
def test_a_token_of_another_shape_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="not a bot token"):
        TelegramCredentials(token=SecretStr(token))


@pytest.mark.parametrize("secret", ["", "with space", "x" * 257, "ä"])
def test_a_webhook_secret_that_telegram_refuses_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError, match="letters, digits"):
        TelegramCredentials(token=SecretStr(TOKEN), webhook_secret=SecretStr(secret))


def test_a_webhook_secret_is_made_where_none_is_given() -> None:
    made = {TelegramCredentials(token=SecretStr(TOKEN)).webhook_secret.get_secret_value() for _ in range(2)}

    assert len(made) == 2
    assert all(len(secret) >= 40 for secret in made)


@pytest.mark.parametrize(
    ("given", "hint"), [("", "is missing"), (SECRET[:-1], "does not match"), ("ä", "does not match")]
)
def test_verify_refuses(given: str, hint: str) -> None:
    raw = RawRequest("POST", "", headers={"x-telegram-bot-api-secret-token": given})

    with pytest.raises(SignatureInvalid, match=hint):
        TELEGRAM.verify(raw, CREDENTIALS)


@pytest.mark.parametrize(("body", "key"), [(b'{"update_id": 7}', "7"), (b'{"update_id": "7"}', None), (b"x", None)])
def test_dedupe_key_is_the_update_s_number(body: bytes, key: str | None) -> None:
    assert TELEGRAM.dedupe_key(SUBJECT.request(body), SUBJECT.account()) == key


# Sending ------------------------------------------------------------------------------------------------------------


def test_send(server: ScriptedServer, account: Account, http: Http) -> None:
    sent = TELEGRAM.send(part("1 < 2 & *x*", reply_to="77"), account, http)

    assert (sent.ids, sent.moved_to) == (("321",), None)
    [seen] = server.seen
    assert (seen.method, seen.path) == ("POST", f"/bot{TOKEN}/sendMessage")
    assert seen.json() == {
        "chat_id": 5,
        "text": "1 < 2 & *x*",
        "reply_parameters": {"message_id": 77, "allow_sending_without_reply": True},
    }


@pytest.mark.parametrize(
    ("conversation", "expected"),
    [
        ("-1002233445566", {"chat_id": -1002233445566}),
        ("@garden_news", {"chat_id": "@garden_news"}),
        ("bc-Qx71:7108942231", {"chat_id": 7108942231, "business_connection_id": "bc-Qx71"}),
    ],
)
def test_send_to(
    conversation: str, expected: dict[str, JsonValue], server: ScriptedServer, account: Account, http: Http
) -> None:
    TELEGRAM.send(part(conversation=conversation, reply_to="callback-1"), account, http)

    assert server.seen[0].json() == {"text": "Hello", **expected}


@pytest.mark.parametrize(
    ("html", "text", "entities"),
    [
        ("<p>Hi <b>you</b></p>", "Hi you", [("bold", 3, 3)]),
        ("👋 <em>a &amp; b</em>", "👋 a & b", [("italic", 3, 5)]),
        ("<p>one</p><p>two<br>three</p>", "one\ntwo\nthree", []),
        ("<ul><li>a</li><li><code>b</code></li></ul>", "• a\n• b", [("code", 6, 1)]),
        ("<b>a<i>b</b>c</i>", "abc", [("bold", 0, 2), ("italic", 1, 2)]),
        ("<b>open ", "open", [("bold", 0, 4)]),
        ("<b></b>x<script>evil()</script>", "x", []),
        ("<pre>a\n  b</pre>", "a\n  b", [("pre", 0, 5)]),
        ('<a href="javascript:x">a</a>', "a", []),
    ],
)
def test_send_formatted(
    html: str,
    text: str,
    entities: list[tuple[str, int, int]],
    server: ScriptedServer,
    account: Account,
    http: Http,
) -> None:
    TELEGRAM.send(part("plain", html=html), account, http)

    sent = server.seen[0].json()
    assert isinstance(sent, dict)
    assert sent["text"] == text
    assert [(one["type"], one["offset"], one["length"]) for one in sent.get("entities", [])] == entities


def test_send_a_link(server: ScriptedServer, account: Account, http: Http) -> None:
    TELEGRAM.send(part("see it", html='see <a href="https://example.com">it</a>'), account, http)

    link = {"type": "text_link", "offset": 4, "length": 2, "url": "https://example.com"}
    assert server.seen[0].json() == {"chat_id": 5, "text": "see it", "entities": [link]}


def test_a_long_formatted_text_keeps_its_entities_in_every_part(
    server: ScriptedServer, account: Account, http: Http
) -> None:
    words = "👨\u200d👩\u200d👧 bold " * 900
    content = Content(text=words, html=f"<blockquote>{words}</blockquote><p>plain <b>{words}</b></p>")
    parts = fit(content, TELEGRAM.capabilities)
    for number, one in enumerate(parts):
        TELEGRAM.send(Part("5", one, key=str(number)), account, http)

    assert len(parts) > 4
    formatted: list[str] = []
    known = {"message_id": 1, "date": 1, "chat": {"id": 5, "type": "private"}}
    for seen in server.seen:
        body = seen.json()
        assert isinstance(body, dict)
        sent = telegram.Message.de_json(known | body, bot=None)
        assert sent.text is not None
        assert len(sent.text.encode("utf-16-le")) // 2 <= 4096
        formatted += sent.parse_entities().values()
    assert "".join("".join(formatted).split()) == "".join((words * 2).split())


@pytest.mark.parametrize("html", ["", "<script>x</script>", "<b>" + "x" * 5000])
def test_formatting_that_leaves_no_fitting_text_is_dropped(
    html: str, server: ScriptedServer, account: Account, http: Http
) -> None:
    TELEGRAM.send(part("plain", html=html), account, http)

    assert server.seen[0].json() == {"chat_id": 5, "text": "plain"}


BLOCKED = "Forbidden: bot was blocked by the user"


@pytest.mark.parametrize(
    ("status", "description", "error", "code"),
    [
        (403, BLOCKED, RecipientUnreachable, "blocked"),
        (403, "Forbidden: user is deactivated", RecipientUnreachable, "deactivated"),
        (403, "Forbidden: bot was kicked from the supergroup chat", RecipientUnreachable, "kicked"),
        (403, "Forbidden: bot is not a member of the channel chat", RecipientUnreachable, "kicked"),
        (403, "Forbidden: the group chat was deleted", RecipientUnreachable, "kicked"),
        (403, "Forbidden: bot can't initiate conversation with a user", RecipientUnreachable, "not_started"),
        (403, "Forbidden: bot can't send messages to bots", RecipientUnreachable, "is_bot"),
        (403, "Forbidden: something new", RecipientUnreachable, "forbidden"),
        (400, "Bad Request: chat not found", RecipientUnreachable, "chat_not_found"),
        (400, "Bad Request: PEER_ID_INVALID", RecipientUnreachable, "chat_not_found"),
        (400, "Bad Request: not enough rights to send text messages to the chat", RecipientUnreachable, "no_rights"),
        (400, "Bad Request: BUSINESS_CONNECTION_INVALID", RecipientUnreachable, "business_connection"),
        (400, "Bad Request: message is too long", MessageInvalid, "too_long"),
        (400, "Bad Request: message text is empty", MessageInvalid, "empty"),
        (400, "Bad Request: something new", MessageInvalid, "refused"),
        (413, "Request Entity Too Large", MessageInvalid, "too_large"),
        (401, "Unauthorized", Unauthorized, "token_revoked"),
        (404, "Not Found", Unauthorized, "token_unknown"),
        (409, "Conflict: terminated by other getUpdates request", Transient, "conflict"),
        (429, "Too Many Requests: retry after 7", RateLimited, "rate_limited"),
        (500, "Internal Server Error: chat not found", ServiceUnavailable, "out_of_order"),
        (502, "Bad Gateway", ServiceUnavailable, "out_of_order"),
    ],
)
def test_send_refused(
    status: int,
    description: str,
    error: type[RelayError],
    code: str,
    server: ScriptedServer,
    account: Account,
    http: Http,
) -> None:
    server.play(refusal(status, description))

    with pytest.raises(error) as raised:
        TELEGRAM.send(part(), account, http)

    assert type(raised.value) is error
    assert raised.value.reason == code
    assert raised.value.detail == f"{status} {description}"
    assert len(server.seen) == 1


def test_retry_after_comes_from_the_parameters(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(refusal(429, "Too Many Requests: retry after 7", retry_after=7))

    with pytest.raises(RateLimited) as raised:
        TELEGRAM.send(part(), account, http)

    assert raised.value.retry_after == 7


def test_retry_after_comes_from_the_header_otherwise(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(Scripted(429, b"<html>", {"Retry-After": "9"}))

    with pytest.raises(RateLimited) as raised:
        TELEGRAM.send(part(), account, http)

    assert raised.value.retry_after == 9


def test_a_group_that_moved_gets_it_under_its_new_id(server: ScriptedServer, account: Account, http: Http) -> None:
    moved = "Bad Request: group chat was upgraded to a supergroup chat"

    def script(request: Seen) -> Scripted:
        sent = request.json()
        assert isinstance(sent, dict)
        return refusal(400, moved, migrate_to_chat_id=-100777) if sent["chat_id"] == -77 else Scripted(200, YES)

    server.play(script)

    sent = TELEGRAM.send(part(conversation="-77"), account, http)

    assert (sent.ids, sent.moved_to) == (("321",), "-100777")
    assert len(server.seen) == 2


def test_a_group_that_keeps_moving_is_followed_once(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(refusal(400, "Bad Request: upgraded", migrate_to_chat_id=-100777))

    with pytest.raises(Rejected, match="new id"):
        TELEGRAM.send(part(conversation="-77"), account, http)

    assert len(server.seen) == 2


def test_refused_formatting_is_sent_plain(server: ScriptedServer, account: Account, http: Http) -> None:
    def script(request: Seen) -> Scripted:
        sent = request.json()
        assert isinstance(sent, dict)
        return refusal(400, "Bad Request: can't parse entities: x") if "entities" in sent else Scripted(200, YES)

    server.play(script)

    assert TELEGRAM.send(part("plain", html="<b>bold</b>"), account, http).ids == ("321",)
    assert server.seen[1].json() == {"chat_id": 5, "text": "plain"}


def test_plain_text_is_not_sent_again_because_of_formatting(
    server: ScriptedServer, account: Account, http: Http
) -> None:
    server.play(refusal(400, "Bad Request: can't parse entities: x"))

    with pytest.raises(MessageInvalid):
        TELEGRAM.send(part(), account, http)

    assert len(server.seen) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"ok": true}', b'{"ok": true, "result": {"message_id": null}}'])
def test_a_yes_that_cannot_be_read_is_an_unknown_outcome(
    body: bytes, server: ScriptedServer, account: Account, http: Http
) -> None:
    server.play(Scripted(200, body))

    with pytest.raises(OutcomeUnknown):
        TELEGRAM.send(part(), account, http)


# The optional abilities ---------------------------------------------------------------------------------------------


def test_optional_abilities() -> None:
    assert isinstance(TELEGRAM, TestsCredentials)
    assert isinstance(TELEGRAM, RegistersWebhook)
    assert isinstance(TELEGRAM, FetchesMedia)


def test_test_asks_who_the_bot_is(server: ScriptedServer, account: Account, http: Http) -> None:
    me = {"id": 4839574812, "is_bot": True, "first_name": "Relay", "username": "relay_bot"}
    server.play(Scripted(200, json.dumps({"ok": True, "result": me}).encode()))

    profile = TELEGRAM.test(account, http)

    assert (profile.identifier.value, profile.name) == ("4839574812", "Relay (@relay_bot)")


def test_register_webhook(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(Scripted(200, b'{"ok": true, "result": true}'))

    TELEGRAM.register_webhook(account, "https://relay.example/webhooks/telegram/key", http)

    sent = server.seen[0].json()
    assert isinstance(sent, dict)
    assert server.seen[0].path == f"/bot{TOKEN}/setWebhook"
    assert (sent["url"], sent["secret_token"]) == ("https://relay.example/webhooks/telegram/key", SECRET)
    assert set(sent["allowed_updates"]) <= set(telegram.Update.ALL_TYPES)
    assert {"message", "edited_message", "my_chat_member", "message_reaction"} <= set(sent["allowed_updates"])


def test_a_webhook_that_telegram_refuses(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(refusal(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"))

    with pytest.raises(Rejected, match="https on port 443") as raised:
        TELEGRAM.register_webhook(account, "http://relay.example/", http)

    assert raised.value.reason == "webhook_refused"


def test_media_request(server: ScriptedServer, account: Account, http: Http) -> None:
    file = {"file_id": "AgAC", "file_unique_id": "x", "file_path": "photos/file 1.jpg"}
    server.play(Scripted(200, json.dumps({"ok": True, "result": file}).encode()))

    request = TELEGRAM.media_request(Attachment(kind=AttachmentKind.IMAGE, source="AgAC"), account, http)

    assert request.url == f"{server.url}/file/bot{TOKEN}/photos/file%201.jpg"
    assert server.seen[0].json() == {"file_id": "AgAC"}


def test_a_file_that_is_known_to_be_too_large_is_not_asked_for(
    server: ScriptedServer, account: Account, http: Http
) -> None:
    large = Attachment(kind=AttachmentKind.VIDEO, source="AgAC", size=20 * 1024 * 1024 + 1)

    with pytest.raises(Rejected, match="20 MB"):
        TELEGRAM.media_request(large, account, http)

    assert server.seen == []


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (refusal(400, "Bad Request: file is too big"), Rejected, "file_too_big"),
        (refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable"), Rejected, "file_gone"),
        (refusal(400, "Bad Request: invalid file_id"), Rejected, "file_gone"),
        (refusal(400, "Bad Request: file is temporarily unavailable"), MediaNotReady, "file_not_ready"),
        (Scripted(200, b'{"ok": true, "result": {"file_id": "AgAC"}}'), Rejected, "file_gone"),
        (Scripted(200, b'{"ok": true, "result": {"file_path": "../x"}}'), Rejected, "file_gone"),
    ],
)
def test_a_file_that_cannot_be_had(
    answer: Scripted, error: type[RelayError], code: str, server: ScriptedServer, account: Account, http: Http
) -> None:
    server.play(answer)

    with pytest.raises(error) as raised:
        TELEGRAM.media_request(Attachment(kind=AttachmentKind.IMAGE, source="AgAC"), account, http)

    assert type(raised.value) is error
    assert raised.value.reason == code


@pytest.mark.parametrize(
    ("conversation", "is_group"), [("77", False), ("-100123", True), ("bc1:77", False), ("bc1:-100123", True)]
)
def test_groups_have_a_limit_of_their_own(conversation: str, is_group: bool) -> None:  # noqa: FBT001 - a table's column
    assert TelegramConnector().is_group(conversation) is is_group


# Courtesies ---------------------------------------------------------------------------------------------------------


def test_typing_is_shown_in_chats_of_either_kind(server: ScriptedServer, account: Account, http: Http) -> None:
    for conversation in ("5", "bc-1:5"):
        TELEGRAM.show_typing(conversation, account, http)
    assert [one.path.rpartition("/")[2] for one in server.seen] == ["sendChatAction", "sendChatAction"]
    shown = {"chat_id": 5, "action": "typing"}
    assert [one.json() for one in server.seen] == [shown, {**shown, "business_connection_id": "bc-1"}]


def test_only_messages_of_telegram_business_are_marked(server: ScriptedServer, account: Account, http: Http) -> None:
    for conversation, number in (("5", "7"), ("bc-1:5", "callback-9"), ("bc-1:5", "7")):
        TELEGRAM.mark_read(conversation, account, http, message=number)
    [call] = server.seen
    assert call.path.endswith("/readBusinessMessage")
    assert call.json() == {"business_connection_id": "bc-1", "chat_id": 5, "message_id": 7}


def test_a_refused_courtesy_is_an_error_like_any_other(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(lambda _: refusal(403, "Forbidden: bot was blocked by the user"))
    with pytest.raises(RecipientUnreachable):
        TELEGRAM.show_typing("5", account, http)
