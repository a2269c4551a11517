"""Files, places, contacts and buttons: what the simulated Telegram takes, by an independent client."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
import telegram
from PIL import Image
from telegram.error import BadRequest, NetworkError

from app.simulator.telegram.uploads import FILE_LIMIT, PHOTO_LIMIT
from tests.app.media.making import SECONDS, Shot, film, picture, tone
from tests.app.simulator.messengers import Simulator, running_simulator

TOKEN = "700001:AAF-simulated_token"
DANA = 5551
JPEG, PNG, WEBP = (picture(form) for form in ("JPEG", "PNG", "WEBP"))

T = TypeVar("T")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running_simulator() as running:
        running.post("telegram/bots", token=TOKEN, username="harbour_bot", name="Harbour")
        running.post("telegram/chats", bot=700001, chat_id=DANA, user={"id": DANA, "first_name": "Dana"})
        yield running


def ask(simulator: Simulator, use: Callable[[telegram.Bot], Awaitable[T]]) -> T:
    """Run one coroutine of a bot that is connected to the simulator."""

    async def run() -> T:
        base = f"{simulator.url}/telegram"
        async with telegram.Bot(TOKEN, base_url=f"{base}/bot", base_file_url=f"{base}/file/bot") as bot:
            return await use(bot)

    return asyncio.run(run())


def shown(simulator: Simulator) -> Any:
    """The last message as the page draws it."""
    return simulator.get(f"telegram/chats/700001/{DANA}/messages")[-1]


def flat(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("1", (width, height)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("method", "field", "content", "kind"),
    [
        ("send_photo", "photo", JPEG, "image"),
        ("send_document", "document", b"text", "file"),
        ("send_video", "video", film(Shot("mp4", "libx264", frames=3)), "video"),
        ("send_animation", "animation", picture("GIF", "P"), "video"),
        ("send_audio", "audio", tone("mp3", "libmp3lame", seconds=SECONDS / 4), "audio"),
        ("send_voice", "voice", tone("ogg", "libopus", seconds=SECONDS / 4), "voice"),
        ("send_sticker", "sticker", WEBP, "sticker"),
    ],
    ids=["photo", "document", "video", "animation", "audio", "voice", "sticker"],
)
def test_a_file_is_kept_and_shown(simulator: Simulator, method: str, field: str, content: bytes, kind: str) -> None:
    sent = ask(simulator, lambda bot: getattr(bot, method)(DANA, content))
    assert not sent.api_kwargs
    file = sent.photo[-1] if field == "photo" else getattr(sent, field)
    assert file.file_size == len(content)
    [attachment] = shown(simulator)["attachments"]
    assert (attachment["kind"], attachment["size"]) == (kind, len(content))
    assert simulator.client.get(attachment["url"]).content == content


@pytest.mark.parametrize(
    ("method", "content"),
    [
        ("send_video", picture("GIF", "P")),
        ("send_audio", tone("ogg", "libopus", seconds=SECONDS / 4)),
        ("send_voice", tone("wav", "pcm_s16le", seconds=SECONDS / 4)),
        ("send_sticker", PNG),
        ("send_sticker", b"RIFF    WEBP" + bytes(512_000)),
    ],
    ids=["video", "audio", "voice", "still sticker", "heavy sticker"],
)
def test_what_is_none_of_its_kind_is_a_document(simulator: Simulator, method: str, content: bytes) -> None:
    sent = ask(simulator, lambda bot: getattr(bot, method)(DANA, content))
    assert sent.document is not None
    assert sent.document.file_size == len(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no picture", "Image_process_failed"),
        (flat(9000, 1001), "Photo_invalid_dimensions"),
        (flat(100, 2001), "Photo_invalid_dimensions"),
        (JPEG + bytes(PHOTO_LIMIT), "too big for a photo"),
    ],
    ids=["no picture", "large", "narrow", "many bytes"],
)
def test_a_photo_that_is_none(simulator: Simulator, content: bytes, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        ask(simulator, lambda bot: bot.send_photo(DANA, content))


def test_a_file_that_is_too_large(simulator: Simulator) -> None:
    with pytest.raises(NetworkError, match="Too Large"):
        ask(simulator, lambda bot: bot.send_document(DANA, bytes(FILE_LIMIT + 1)))


def test_a_caption_that_is_too_long(simulator: Simulator) -> None:
    with pytest.raises(BadRequest, match="caption is too long"):
        ask(simulator, lambda bot: bot.send_photo(DANA, JPEG, caption="x" * 1025))


def test_places_and_contacts(simulator: Simulator) -> None:
    point = ask(simulator, lambda bot: bot.send_location(DANA, 10.5, 106.25)).location
    venue = ask(simulator, lambda bot: bot.send_venue(DANA, 10.5, 106.25, "Market", "1 Main Street")).venue
    place = {"latitude": 10.5, "longitude": 106.25, "name": "Market", "address": "1 Main Street"}
    assert shown(simulator)["place"] == place
    contact = ask(simulator, lambda bot: bot.send_contact(DANA, "+4930", "Dana", vcard="BEGIN:VCARD")).contact
    assert (point, venue and venue.location) == (telegram.Location(106.25, 10.5),) * 2
    assert contact is not None
    assert (contact.phone_number, contact.vcard) == ("+4930", "BEGIN:VCARD")


@pytest.mark.parametrize(
    ("method", "fields", "reason"),
    [
        ("sendLocation", {"latitude": 91, "longitude": 0}, "wrong location specified"),
        ("sendLocation", {}, "location is empty"),
        ("sendVenue", {"latitude": 1, "longitude": 1, "title": " ", "address": "x"}, "title is empty"),
        ("sendContact", {"first_name": "Dana"}, "phone number is empty"),
        ("sendContact", {"phone_number": "+4930", "first_name": "D", "vcard": "x" * 2049}, "vcard is too long"),
    ],
)
def test_places_and_contacts_that_are_none(
    simulator: Simulator, method: str, fields: dict[str, object], reason: str
) -> None:
    answer = simulator.client.post(f"/telegram/bot{TOKEN}/{method}", json={"chat_id": DANA, **fields}).json()
    assert (answer["error_code"], answer["description"]) == (400, f"Bad Request: {reason}")


def test_buttons_stand_under_a_message(simulator: Simulator) -> None:
    buttons = [
        [telegram.InlineKeyboardButton("Yes", callback_data="1")],
        [telegram.InlineKeyboardButton("Prices", url="https://example.org/")],
    ]
    markup = telegram.InlineKeyboardMarkup(buttons)
    sent = ask(simulator, lambda bot: bot.send_photo(DANA, JPEG, caption="Well?", reply_markup=markup))
    assert sent.reply_markup == markup


@pytest.mark.parametrize(
    ("button", "reason"),
    [
        ({"text": "a", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "url": "mailto:a@example.org"}, "Unsupported URL protocol"),
        ({"text": "a"}, "Text buttons are unallowed"),
        ({"text": " ", "url": "https://example.org"}, "Text of the button is empty"),
    ],
)
def test_buttons_that_are_none(simulator: Simulator, button: dict[str, str], reason: str) -> None:
    body = {"chat_id": DANA, "text": "x", "reply_markup": {"inline_keyboard": [[button]]}}
    answer = simulator.client.post(f"/telegram/bot{TOKEN}/sendMessage", json=body).json()
    assert answer["error_code"] == 400
    assert reason in answer["description"]


def test_items_of_an_album_are_messages_with_one_word_in_common(simulator: Simulator) -> None:
    where = {"bot": 700001, "chat_id": DANA, "album": "a1"}
    sent = [simulator.post("telegram/send-kind", **where, kind=kind) for kind in ("photo", "video")]
    assert [one["media_group_id"] for one in sent] == ["a1", "a1"]
    assert sent[0]["message_id"] != sent[1]["message_id"]
