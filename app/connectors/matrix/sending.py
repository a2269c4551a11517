"""The event that a part becomes.

Kinds of message: https://spec.matrix.org/latest/client-server-api/#mroommessage-msgtypes
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.connectors.matrix.content import ATTACHMENTS as KINDS
from app.connectors.matrix.content import HTML
from app.domain.capability import Accepts
from app.domain.fit import place_in_words
from app.domain.message import AttachmentKind, Place
from app.domain.part import Media, PartContent
from app.domain.rich_text import html_reader, html_writer

#: Longest text in bytes. An event has 65,536 bytes as JSON (https://spec.matrix.org/latest/client-server-api/#size-limits),
#: where line breaks and quotation marks count twice, and the homeserver adds up to some 3,000 of its own.
TEXT_LENGTH = 30_000
#: Bytes of content as JSON up to which the formatted text goes along.
CONTENT_LENGTH = 60_000
#: What Synapse takes where its ``max_upload_size`` is not changed (bytes). A homeserver that takes less says so.
LARGEST_UPLOAD = 50 * 1024 * 1024

#: What clients show by themselves: browsers are among them, and nobody at the homeserver converts anything.
_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_SOUNDS = frozenset({"audio/ogg", "audio/mpeg", "audio/mp4"})
ATTACHMENTS: dict[AttachmentKind, Accepts] = {
    AttachmentKind.IMAGE: Accepts(LARGEST_UPLOAD, _PICTURES),
    AttachmentKind.STICKER: Accepts(LARGEST_UPLOAD, _PICTURES),
    AttachmentKind.VIDEO: Accepts(LARGEST_UPLOAD, frozenset({"video/mp4", "video/webm"})),
    AttachmentKind.AUDIO: Accepts(LARGEST_UPLOAD, _SOUNDS | {"audio/wav", "audio/flac"}),
    AttachmentKind.VOICE: Accepts(LARGEST_UPLOAD, _SOUNDS),
    AttachmentKind.FILE: Accepts(LARGEST_UPLOAD),
}
#: Clients show neither a caption of a voice message nor one of a sticker.
CAPTIONED = frozenset({AttachmentKind.IMAGE, AttachmentKind.VIDEO, AttachmentKind.AUDIO, AttachmentKind.FILE})

MESSAGE, STICKER = "m.room.message", "m.sticker"
#: By which clients tell a voice message from other sounds (proposal 3245, which every client that has them follows).
_VOICE = "org.matrix.msc3245.voice"
_MSGTYPES: Mapping[AttachmentKind, str] = {
    **{kind: msgtype for msgtype, kind in KINDS.items()},
    AttachmentKind.VOICE: "m.audio",
}


@dataclass(frozen=True)
class Stored:
    """A file that the homeserver has; ``url`` is its mxc:// address."""

    kind: AttachmentKind
    url: str
    media: Media


def event_of(content: PartContent, stored: Stored | None = None) -> tuple[str, dict[str, Any]]:
    """Return the type and the content of a part's event. It mentions nobody, so that no name in a text rings a bell."""
    kind, body = MESSAGE, _text(content.text)
    if stored is not None:
        kind, body = _file(content.text, stored)
    elif content.place is not None:
        body = _place(content.place)
    body["m.mentions"] = {}
    if content.reply_to:
        body["m.relates_to"] = {"m.in_reply_to": {"event_id": content.reply_to}}
    return kind, _formatted(body, content)


def _text(text: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": text}


def _place(place: Place) -> dict[str, Any]:
    point = f"geo:{place.latitude},{place.longitude}"
    return {"msgtype": "m.location", "body": place_in_words(place), "geo_uri": point}


def _file(caption: str, stored: Stored) -> tuple[str, dict[str, Any]]:
    """A file, whose ``body`` is its caption or else its name."""
    media = stored.media
    body: dict[str, Any] = {
        "body": caption or media.name,
        "url": stored.url,
        "info": {"mimetype": media.mime, "size": media.size},
    }
    if stored.kind is AttachmentKind.STICKER:
        return STICKER, body
    body |= {"msgtype": _MSGTYPES[stored.kind], "filename": media.name}
    return MESSAGE, body | ({_VOICE: {}} if stored.kind is AttachmentKind.VOICE else {})


def _formatted(body: dict[str, Any], content: PartContent) -> dict[str, Any]:
    """Add the formatted text, unless the event becomes too large by it."""
    if not content.html or not content.text:
        return body
    formatted = html_writer.write(html_reader.read(content.html), html_writer.MATRIX)
    rich = {**body, "format": HTML, "formatted_body": formatted}
    return rich if _size(rich) <= CONTENT_LENGTH else body


def _size(content: dict[str, Any]) -> int:
    return len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
