"""The call of the Bot API that sends a part, and what it changes into when Telegram finds fault with it.

https://core.telegram.org/bots/api#available-methods
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from app.connectors.telegram import cards, files
from app.connectors.telegram.calls import ChatMoved, FormattingRefused, Upload
from app.connectors.telegram.updates import BUSINESS_SEPARATOR
from app.domain.capability import LengthUnit
from app.domain.fit import card_in_words, place_in_words
from app.domain.length import length
from app.domain.message import Choice
from app.domain.part import Part, PartContent
from app.domain.rich_text import html_reader, telegram
from app.domain.rich_text.links import safe
from app.errors import ContentUnsupported, RelayError

#: UTF-16 units, without mark-up.
TEXT_LENGTH = 4096
CAPTION_LENGTH = 1024
#: Buttons under a message, and UTF-16 units of a label that a phone shows whole. Telegram documents no limits.
MOST_CHOICES = 8
CHOICE_LENGTH = 40

#: What a button may lead to.
_LINKS = ("http://", "https://", "tg://")
_MESSAGE = "sendMessage"
#: Where a text's formatting stands.
_ENTITIES = {"text": "entities", "caption": "caption_entities"}

Payload = Mapping[str, JsonValue]


@dataclass(frozen=True)
class Request:
    """One call that sends a part. ``moved_to`` is the new id of its group, once Telegram has told it."""

    content: PartContent
    method: str
    payload: Payload
    upload: Upload | None = None
    moved_to: str | None = None

    def remedied(self, refusal: RelayError) -> Request | None:
        """Return the call that a refusal asks for; None where that was made already, or there is none."""
        if isinstance(refusal, ChatMoved):
            return self._moved(refusal.chat_id)
        return self._plain() if isinstance(refusal, FormattingRefused) else self._in_another_form()

    def _moved(self, chat_id: int) -> Request | None:
        if self.moved_to is not None:
            return None
        return replace(self, payload={**self.payload, "chat_id": chat_id}, moved_to=str(chat_id))

    def _plain(self) -> Request | None:
        words = "caption" if self.upload else "text"
        payload = dict(self.payload)
        if not payload.pop(_ENTITIES[words], None):
            return None
        return replace(self, payload={**payload, words: self.content.text})

    def _in_another_form(self) -> Request | None:
        """A file that is not shown as what it is goes as a document; a place or a card, in words."""
        if self.upload is not None and self.method != files.DOCUMENT.name:
            payload = {**self.payload, **_AS_IT_IS}
            upload = replace(self.upload, field=files.DOCUMENT.field)
            return replace(self, method=files.DOCUMENT.name, payload=payload, upload=upload)
        if self.upload is None and self.method != _MESSAGE:
            kept = {name: value for name, value in self.payload.items() if name in _OF_EVERY_METHOD}
            return replace(self, method=_MESSAGE, payload={**kept, "text": _in_words(self.content)})
        return None


#: Telegram would make of a document what it looks like.
_AS_IT_IS: Payload = {"disable_content_type_detection": True}
_OF_EVERY_METHOD = frozenset({"chat_id", "business_connection_id", "reply_parameters", "reply_markup"})


def request(part: Part) -> Request:
    """Return the call that sends a part.

    Raises:
        ContentUnsupported: its file is not at hand.
    """
    content, common = part.content, _common(part)
    if content.attachment is not None:
        return _file(part, common)
    if content.place is not None:
        named = content.place.name or content.place.address
        fields = cards.venue(content.place) if named else cards.location(content.place)
        return Request(content, "sendVenue" if named else "sendLocation", {**common, **fields})
    if content.card is not None and content.card.phones:
        return Request(content, "sendContact", {**common, **cards.contact(content.card)})
    if content.card is not None:
        return Request(content, _MESSAGE, {**common, "text": _in_words(content)})
    return Request(content, _MESSAGE, {**common, "text": "", **_words(content, "text", most=TEXT_LENGTH)})


def _file(part: Part, common: Payload) -> Request:
    content, media = part.content, part.media
    if media is None or content.attachment is None:
        raise ContentUnsupported("The file of this message is not at hand: send it once more.")
    method = files.method_for(content.attachment.kind, media)
    payload = {**common, **_words(content, "caption", most=CAPTION_LENGTH)}
    if method is files.DOCUMENT:
        payload |= _AS_IT_IS
    return Request(content, method.name, payload, Upload(method.field, media))


def _common(part: Part) -> dict[str, JsonValue]:
    """Return the parameters that every sending method has."""
    business, _, chat = part.conversation.rpartition(BUSINESS_SEPARATOR)
    payload: dict[str, JsonValue] = {"chat_id": chat_id(chat)}
    if business:
        payload["business_connection_id"] = business
    if (part.content.reply_to or "").isdecimal():
        payload["reply_parameters"] = {
            "message_id": int(part.content.reply_to or ""),
            "allow_sending_without_reply": True,
        }
    if part.content.choices:
        payload["reply_markup"] = {"inline_keyboard": _keyboard(part.content.choices)}
    return payload


def _keyboard(choices: Sequence[Choice]) -> list[JsonValue]:
    """Return a button a row. A pressed one comes back with its data, and with the message that it stands under."""
    return [[_button(choice, position)] for position, choice in enumerate(choices)]


def _button(choice: Choice, position: int) -> dict[str, JsonValue]:
    text, link = choice.label or choice.url, safe(choice.url)
    if link.startswith(_LINKS):
        return {"text": text, "url": link}
    return {"text": text, "callback_data": f"choice:{position}"}


def _words(content: PartContent, field: str, *, most: int) -> dict[str, JsonValue]:
    """Return a text and its formatting. A text that grew too long by its formatting goes without."""
    formatted = _formatted(content, most)
    words: dict[str, JsonValue] = {field: formatted.text} if formatted.text else {}
    if formatted.entities:
        words[_ENTITIES[field]] = [_entity(one) for one in formatted.entities[: telegram.MOST_ENTITIES]]
    return words


def _formatted(content: PartContent, most: int) -> telegram.Entities:
    formatted = telegram.write(html_reader.read(content.html)) if content.html else telegram.Entities("")
    fits = 0 < length(formatted.text, LengthUnit.UTF16) <= most
    return formatted if fits else telegram.Entities(content.text)


def _entity(entity: telegram.Entity) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {"type": entity.type, "offset": entity.offset, "length": entity.length}
    return body | ({"url": entity.url} if entity.url else {})


def _in_words(content: PartContent) -> str:
    return place_in_words(content.place) if content.place else card_in_words(content.card) if content.card else ""


def chat_id(chat: str) -> int | str:
    """Return a number where it is one; channels may also be named ``@name``."""
    return int(chat) if chat.removeprefix("-").isdecimal() else chat
