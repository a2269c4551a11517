"""What people do in Telegram: write, send things, edit, press buttons, block the bot, leave."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.simulator.telegram.messenger import Telegram
from app.simulator.telegram.state import Bot, Chat, ChatState, Json, without_reply
from app.simulator.telegram.text import units

#: One transparent pixel, for pictures that a test sends without caring what is in them.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
#: The beginning of a video.
FILM = bytes.fromhex("000000186674797069736f6d0000020069736f6d6d703432")
WEBP = base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")


class Kind(StrEnum):
    """Things a person can send beside text."""

    PHOTO = "photo"
    DOCUMENT = "document"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"
    VIDEO_NOTE = "video_note"
    ANIMATION = "animation"
    STICKER = "sticker"
    LOCATION = "location"
    VENUE = "venue"
    CONTACT = "contact"
    POLL = "poll"


class Thing(BaseModel):
    """What to send; fields that a kind does not need are ignored. `size` claims another length than `base64` has.

    Things with the same `album` were chosen together; each of them is a message of its own.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    caption: str = ""
    album: str = ""
    name: str = ""
    mime: str = ""
    base64: str = ""
    size: int | None = Field(None, ge=0)
    emoji: str = "\N{THUMBS UP SIGN}"
    latitude: float = 48.2082
    longitude: float = 16.3738
    title: str = "Market"
    address: str = "1 Main Street"
    phone_number: str = "+431234567"
    #: Whose number it is, where that is somebody on Telegram.
    contact_user: int | None = None
    first_name: str = "Alex"
    question: str = "Tea or coffee?"
    options: tuple[str, ...] = ("Tea", "Coffee")

    def content(self, default: bytes) -> bytes:
        """The bytes to send.

        Raises:
            ValueError: `base64` is not.
        """
        try:
            return base64.b64decode(self.base64, validate=True) if self.base64 else default
        except binascii.Error:
            raise ValueError("base64 cannot be decoded") from None


def say(telegram: Telegram, bot: Bot, chat: Chat, *, content: Json, user: int | None = None, reply_to: int = 0) -> Json:
    """Somebody writes a message; returns it."""
    sender = chat.members.get(user, chat.customer) if user is not None else chat.customer
    with telegram.world.lock:
        quoted = chat.message(reply_to)
        reply = {"reply_to_message": without_reply(quoted)} if quoted else {}
        message = telegram.post(bot, chat, sender=sender, content={**reply, **content})
        telegram.emit(bot, "message", message, chat_id=chat.id)
    return message


def text_content(text: str, entities: list[Json]) -> Json:
    """The fields of a text; a leading command is marked, as Telegram does by itself."""
    command = text.split(maxsplit=1)[0] if text.startswith("/") else ""
    found = entities or ([{"type": "bot_command", "offset": 0, "length": units(command)}] if command else [])
    return {"text": text, "entities": found} if found else {"text": text}


def thing_content(telegram: Telegram, thing: Thing) -> Json:
    """The fields of anything else.

    Raises:
        ValueError: its bytes cannot be read.
    """
    caption = {"caption": thing.caption} if thing.caption else {}
    album = {"media_group_id": thing.album} if thing.album else {}
    return {**_BUILDERS[thing.kind](telegram, thing), **caption, **album}


def edit(telegram: Telegram, bot: Bot, chat: Chat, *, message_id: int, text: str) -> Json | None:
    """Somebody changes the text of a message; None when there is no such message."""
    with telegram.world.lock:
        message = chat.message(message_id)
        if message is None:
            return None
        message.pop("entities", None)
        message.update(text_content(text, []), edit_date=int(telegram.world.clock.now()))
        telegram.emit(bot, "edited_message", dict(message), chat_id=chat.id)
    telegram.show("customer_status", bot, chat, message)
    return message


def press(telegram: Telegram, bot: Bot, chat: Chat, *, message_id: int, data: str) -> Json | None:
    """Somebody presses a button under a message of the bot; None when there is no such message."""
    with telegram.world.lock:
        message = chat.message(message_id)
        if message is None:
            return None
        query_id = telegram.world.ids.number()
        bot.callbacks.add(query_id)
        query = {
            "id": query_id,
            "from": chat.customer,
            "message": message,
            "chat_instance": str(chat.id),
            "data": data,
        }
        telegram.emit(bot, "callback_query", query, chat_id=chat.id)
    return query


def change_state(telegram: Telegram, bot: Bot, chat: Chat, state: ChatState, *, migrate_to: int | None = None) -> None:
    """A chat changes its mind about the bot; the bot hears of blocking and kicking, and of coming back."""
    with telegram.world.lock:
        before, chat.state, chat.migrate_to = chat.state, state, migrate_to
        if state is ChatState.MIGRATED and migrate_to is not None:
            say(telegram, bot, chat, content={"migrate_to_chat_id": migrate_to})
        elif _member(before) != _member(state):
            telegram.emit(bot, "my_chat_member", _membership(telegram, bot, chat, before), chat_id=chat.id)
    telegram.changed(bot)


def _membership(telegram: Telegram, bot: Bot, chat: Chat, before: ChatState) -> Json:
    return {
        "chat": chat.as_json(),
        "from": chat.customer,
        "date": int(telegram.world.clock.now()),
        "old_chat_member": _member_json(bot, before),
        "new_chat_member": _member_json(bot, chat.state),
    }


def _member(state: ChatState) -> str:
    return "kicked" if state in {ChatState.BLOCKED, ChatState.KICKED} else "member"


def _member_json(bot: Bot, state: ChatState) -> Json:
    status = _member(state)
    return {"user": bot.as_user(), "status": status, **({"until_date": 0} if status == "kicked" else {})}


def _photo(telegram: Telegram, thing: Thing) -> Json:
    stored = telegram.store(
        thing.content(PIXEL), name=thing.name or "photo.jpg", mime="image/jpeg", folder="photos", size=thing.size
    )
    # Telegram sends every picture in several sizes, the largest last.
    small = telegram.store(thing.content(PIXEL), name="thumb.jpg", mime="image/jpeg", folder="photos")
    return {
        "photo": [
            {**small.as_json(), "width": 90, "height": 67},
            {**stored.as_json(), "width": 640, "height": 480},
        ]
    }


def _document(telegram: Telegram, thing: Thing) -> Json:
    name, mime = thing.name or "notes.txt", thing.mime or "text/plain"
    stored = telegram.store(thing.content(b"Notes\n"), name=name, mime=mime, folder="documents", size=thing.size)
    return {"document": {**stored.as_json(), "file_name": name, "mime_type": mime}}


def _voice(telegram: Telegram, thing: Thing) -> Json:
    stored = telegram.store(thing.content(b"OggS"), name="voice.oga", mime="audio/ogg", folder="voice", size=thing.size)
    return {"voice": {**stored.as_json(), "duration": 1, "mime_type": "audio/ogg"}}


def _audio(telegram: Telegram, thing: Thing) -> Json:
    name, mime = thing.name or "song.mp3", thing.mime or "audio/mpeg"
    stored = telegram.store(thing.content(b"ID3"), name=name, mime=mime, folder="music", size=thing.size)
    return {"audio": {**stored.as_json(), "duration": 1, "file_name": name, "mime_type": mime}}


def _video(telegram: Telegram, thing: Thing) -> Json:
    return {"video": _film(telegram, thing)}


def _video_note(telegram: Telegram, thing: Thing) -> Json:
    """A round one: square, and without a name."""
    stored = telegram.store(
        thing.content(FILM), name="note.mp4", mime="video/mp4", folder="video_notes", size=thing.size
    )
    return {"video_note": {**stored.as_json(), "length": 240, "duration": 1}}


def _animation(telegram: Telegram, thing: Thing) -> Json:
    film = _film(telegram, thing)
    plain = ("file_id", "file_unique_id", "file_size", "file_name", "mime_type")
    return {"animation": film, "document": {name: film[name] for name in plain}}


def _film(telegram: Telegram, thing: Thing) -> Json:
    name, mime = thing.name or "video.mp4", thing.mime or "video/mp4"
    stored = telegram.store(thing.content(FILM), name=name, mime=mime, folder="videos", size=thing.size)
    looks = {"width": 640, "height": 480, "duration": 1}
    return {**stored.as_json(), **looks, "file_name": name, "mime_type": mime}


def _sticker(telegram: Telegram, thing: Thing) -> Json:
    content = thing.content(WEBP)
    moving = "tgs" if content[:2] == b"\x1f\x8b" else "webm" if content[:2] == b"\x1aE" else ""
    suffix, mime = moving or "webp", {"": "image/webp", "webm": "video/webm"}.get(moving, "application/gzip")
    stored = telegram.store(content, name=f"sticker.{suffix}", mime=mime, folder="stickers")
    moves = {"is_animated": moving == "tgs", "is_video": moving == "webm"}
    looks: dict[str, Any] = {"width": 512, "height": 512, **moves}
    return {"sticker": {**stored.as_json(), **looks, "type": "regular", "emoji": thing.emoji}}


def _location(_telegram: Telegram, thing: Thing) -> Json:
    return {"location": {"latitude": thing.latitude, "longitude": thing.longitude}}


def _venue(telegram: Telegram, thing: Thing) -> Json:
    where = _location(telegram, thing)
    return {**where, "venue": {**where, "title": thing.title, "address": thing.address}}


def _contact(_telegram: Telegram, thing: Thing) -> Json:
    whose = {} if thing.contact_user is None else {"user_id": thing.contact_user}
    return {"contact": {"phone_number": thing.phone_number, "first_name": thing.first_name, **whose}}


def _poll(telegram: Telegram, thing: Thing) -> Json:
    options = [
        {"persistent_id": str(index), "text": text, "voter_count": 0} for index, text in enumerate(thing.options)
    ]
    return {
        "poll": {
            "id": telegram.world.ids.number(),
            "question": thing.question,
            "options": options,
            "total_voter_count": 0,
            "is_closed": False,
            "is_anonymous": True,
            "type": "regular",
            "allows_multiple_answers": False,
            "allows_revoting": False,
            "members_only": False,
        }
    }


_BUILDERS: dict[Kind, Callable[[Telegram, Thing], Json]] = {
    Kind.PHOTO: _photo,
    Kind.DOCUMENT: _document,
    Kind.VOICE: _voice,
    Kind.AUDIO: _audio,
    Kind.VIDEO: _video,
    Kind.VIDEO_NOTE: _video_note,
    Kind.ANIMATION: _animation,
    Kind.STICKER: _sticker,
    Kind.LOCATION: _location,
    Kind.VENUE: _venue,
    Kind.CONTACT: _contact,
    Kind.POLL: _poll,
}
