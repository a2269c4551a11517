"""The Bot API's methods that send a file, and what Telegram makes of it by looking at it.

https://core.telegram.org/bots/api#sending-files
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL import Image

from app.simulator.telegram.call import Call
from app.simulator.telegram.errors import TelegramError, bad_request
from app.simulator.telegram.sending import caption_of, post, writable_chat
from app.simulator.telegram.state import Json, StoredFile

#: Largest uploads, bytes.
PHOTO_LIMIT = 10_000_000
FILE_LIMIT = 50_000_000
STICKER_LIMIT = 512_000
#: Width and height of a photo together, and the longer one in the shorter one.
PHOTO_EDGES = 10_000
PHOTO_RATIO = 20

PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif", "BMP": "image/bmp"}


def send_photo(call: Call) -> Json:
    """A picture with an optional caption.

    Raises:
        TelegramError: it is no picture, or one that is too large or too narrow.
    """
    chat, caption = writable_chat(call), caption_of(call)
    stored = call.file("photo", folder="photos", default="photo.jpg")
    if stored.size > PHOTO_LIMIT:
        raise bad_request(f"file of size {stored.size} bytes is too big for a photo")
    _, width, height = picture_of(stored.content) or ("", 0, 0)
    if not width:
        raise bad_request("IMAGE_PROCESS_FAILED")
    if width + height > PHOTO_EDGES or max(width, height) > PHOTO_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return post(call, chat, {"photo": [{**stored.as_json(), "width": width, "height": height}], **caption})


@dataclass(frozen=True)
class _Kind:
    """A kind of file: the parameter, by what its bytes are told, and what a message says of it."""

    field: str
    default: str
    is_one: Callable[[bytes], bool]
    describe: Callable[[StoredFile], Json]
    limit: int = FILE_LIMIT
    captioned: bool = True


def send_file(kind: _Kind, call: Call) -> Json:
    """A file; one that is not of the kind goes as a document, as everything does that is named so.

    Raises:
        TelegramError: it is too large, or there is none.
    """
    chat, caption = writable_chat(call), caption_of(call) if kind.captioned else {}
    stored = call.file(kind.field, folder=f"{kind.field}s", default=kind.default)
    if stored.size > FILE_LIMIT:
        raise TelegramError(413, "Request Entity Too Large")
    if not kind.is_one(stored.content) or stored.size > kind.limit:
        kind = DOCUMENT
    return post(call, chat, {kind.field: {**stored.as_json(), **kind.describe(stored)}, **caption})


def picture_of(content: bytes) -> tuple[str, int, int] | None:
    """Type, width and height of a picture; None where it is none that Telegram opens."""
    try:
        with Image.open(io.BytesIO(content), formats=[*PICTURES]) as image:
            return PICTURES[image.format or ""], image.width, image.height
    except (OSError, SyntaxError, ValueError, KeyError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _is_gif(content: bytes) -> bool:
    return content.startswith((b"GIF87a", b"GIF89a")) or _is_mp4(content)


def _is_mp4(content: bytes) -> bool:
    return content[4:8] == b"ftyp"


def _is_song(content: bytes) -> bool:
    return _is_mp4(content) or content.startswith(b"ID3") or (content[:1] == b"\xff" and content[1:2] >= b"\xe0")


def _is_voice(content: bytes) -> bool:
    return (content.startswith(b"OggS") and b"OpusHead" in content[:128]) or _is_song(content)


def _is_sticker(content: bytes) -> bool:
    return content[8:12] == b"WEBP" or content.startswith((b"\x1aE\xdf\xa3", b"\x1f\x8b"))


def _named(stored: StoredFile) -> Json:
    return {"file_name": stored.name, "mime_type": stored.mime}


def _played(stored: StoredFile) -> Json:
    return {**_named(stored), "duration": 1}


def _seen(stored: StoredFile) -> Json:
    return {**_played(stored), "width": 640, "height": 480}


def _heard(stored: StoredFile) -> Json:
    return {"duration": 1, "mime_type": stored.mime}


def _stuck(stored: StoredFile) -> Json:
    _, width, height = picture_of(stored.content) or ("", 512, 512)
    moves = {"is_animated": stored.content[:2] == b"\x1f\x8b", "is_video": stored.content[:2] == b"\x1aE"}
    return {"width": width, "height": height, "type": "regular", **moves}


DOCUMENT = _Kind("document", "document.bin", lambda _content: True, _named)

SENDERS: dict[str, Callable[[Call], Any]] = {
    "sendphoto": send_photo,
    "senddocument": partial(send_file, DOCUMENT),
    "sendvideo": partial(send_file, _Kind("video", "video.mp4", _is_mp4, _seen)),
    "sendanimation": partial(send_file, _Kind("animation", "animation.mp4", _is_gif, _seen)),
    "sendaudio": partial(send_file, _Kind("audio", "audio.mp3", _is_song, _played)),
    "sendvoice": partial(send_file, _Kind("voice", "voice.ogg", _is_voice, _heard)),
    "sendsticker": partial(
        send_file, _Kind("sticker", "sticker.webp", _is_sticker, _stuck, STICKER_LIMIT, captioned=False)
    ),
}
