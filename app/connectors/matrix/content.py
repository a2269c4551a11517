"""What a Matrix message says: ``content`` of m.room.message and m.sticker, in the relay's words.

Kinds of message: https://spec.matrix.org/latest/client-server-api/#mroommessage-msgtypes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AliasChoices, Field, ValidationError

from app.connectors.matrix.wire import Lenient, Wire
from app.domain.message import Attachment, AttachmentKind, Content, Place
from app.domain.rich_text import html_reader, html_writer

HTML = "org.matrix.custom.html"
REPLACE = "m.replace"
THREAD = "m.thread"
EMPTY = "[empty message]"
DELETED = "[a message that was deleted before it arrived]"

ATTACHMENTS: Mapping[str, AttachmentKind] = {
    "m.image": AttachmentKind.IMAGE,
    "m.video": AttachmentKind.VIDEO,
    "m.audio": AttachmentKind.AUDIO,
    "m.file": AttachmentKind.FILE,
}

_MXC = re.compile(r"mxc://[^/\s]+/[A-Za-z0-9_-]+")
_GEO = re.compile(r"geo:(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)")
#: Quoted lines that clients older than version 1.13 of the specification put above a reply.
_OLD_REPLY_TEXT = re.compile(r"\A> (?:\* )?<@[^\n]*\n(?:>[^\n]*\n)*\n?")


_Text = Annotated[str | None, Lenient]


class _Reference(Wire):
    event_id: str


class Relation(Wire):
    """``m.relates_to``: an edit, a reaction, a reply or a message of a thread."""

    rel_type: _Text = None
    event_id: _Text = None
    key: _Text = None
    is_falling_back: Annotated[bool | None, Lenient] = None
    in_reply_to: Annotated[_Reference | None, Lenient] = Field(None, alias="m.in_reply_to")

    @property
    def quoted(self) -> str | None:
        """Id of the message that is answered; in a thread without a quotation of its own, the thread's first."""
        if self.rel_type == REPLACE:
            return None
        if self.rel_type == THREAD and (self.is_falling_back or self.in_reply_to is None):
            return self.event_id
        return self.in_reply_to.event_id if self.in_reply_to else None


class _Info(Wire):
    mimetype: _Text = None
    size: Annotated[int | None, Lenient] = Field(None, ge=0)


class _Location(Wire):
    """https://github.com/matrix-org/matrix-spec-proposals/pull/3488."""

    uri: _Text = None
    description: _Text = None


class MessageContent(Wire):
    """The parts of a message's content that the relay reads. A sticker has no ``msgtype``."""

    body: str
    msgtype: str = ""
    format: _Text = None
    formatted_body: _Text = None
    url: _Text = None
    filename: _Text = None
    geo_uri: _Text = None
    info: Annotated[_Info | None, Lenient] = None
    location: Annotated[_Location | None, Lenient] = Field(
        None, validation_alias=AliasChoices("m.location", "org.matrix.msc3488.location")
    )
    voice: Any = Field(None, alias="org.matrix.msc3245.voice")
    relates_to: Annotated[Relation | None, Lenient] = Field(None, alias="m.relates_to")
    new_content: Annotated[dict[str, Any] | None, Lenient] = Field(None, alias="m.new_content")


def message(wire: MessageContent) -> Content:
    """Read a message of any kind; one that is not known is shown by its text, which every kind has."""
    if kind := ATTACHMENTS.get(wire.msgtype):
        voice = kind is AttachmentKind.AUDIO and wire.voice is not None
        return attachment(wire, AttachmentKind.VOICE if voice else kind)
    return _READERS.get(wire.msgtype, _text)(wire)


def attachment(wire: MessageContent, kind: AttachmentKind) -> Content:
    """Read a message with bytes. Where they cannot be fetched, a sentence stands in their place."""
    captioned = wire.filename is not None and wire.filename != wire.body
    name = wire.filename if wire.filename is not None else wire.body
    text = _without_old_reply(wire) if captioned else ""
    if not _MXC.fullmatch(wire.url or ""):
        # An encrypted attachment has ``file`` instead of ``url``, and only the customer's device has its key.
        lines = [text, f"[{kind.value} {name!r} cannot be fetched: it is encrypted or has no valid address]"]
        return Content(text="\n".join(line for line in lines if line), reply_to=_quoted(wire))
    info = wire.info or _Info()
    bytes_ = Attachment(kind=kind, source=wire.url or "", name=name or "", mime=info.mimetype or "", size=info.size)
    html = _html(wire) if captioned else None
    return Content(text=text, html=html, attachments=(bytes_,), reply_to=_quoted(wire))


def _text(wire: MessageContent) -> Content:
    return Content(text=_without_old_reply(wire) or EMPTY, html=_html(wire), reply_to=_quoted(wire))


def _emote(wire: MessageContent) -> Content:
    return Content(text=f"* {_without_old_reply(wire)}", reply_to=_quoted(wire))


def _location(wire: MessageContent) -> Content:
    """Read a place. Clients write its address or its coordinates into the text, and sometimes what people call it."""
    name = (wire.location and wire.location.description) or ("" if "geo:" in wire.body else wire.body)
    found = _GEO.match(wire.geo_uri or (wire.location and wire.location.uri) or "")
    try:
        place = Place(latitude=float(found[1]), longitude=float(found[2]), name=name) if found else None
    except ValidationError:
        place = None
    if place is None:
        return Content(text=f"[location] {wire.body}", reply_to=_quoted(wire))
    return Content(places=(place,), reply_to=_quoted(wire))


_READERS: Mapping[str, Callable[[MessageContent], Content]] = {"m.emote": _emote, "m.location": _location}


def _quoted(wire: MessageContent) -> str | None:
    return wire.relates_to.quoted if wire.relates_to else None


def _without_old_reply(wire: MessageContent) -> str:
    is_reply = wire.relates_to is not None and wire.relates_to.in_reply_to is not None
    return _OLD_REPLY_TEXT.sub("", wire.body) if is_reply else wire.body


def _html(wire: MessageContent) -> str | None:
    """Return the formatting, made safe and without the quotation of an old reply; None where there is none."""
    if wire.format != HTML or not wire.formatted_body:
        return None
    document = html_reader.read(wire.formatted_body)
    return None if document.is_plain else html_writer.write(document)
