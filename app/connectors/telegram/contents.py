"""What a Telegram message says, in our words. What is no text, file, place or card is told in square brackets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from app.connectors.telegram.wire import ChatMessage, Contact, Entity, File
from app.domain import vcard
from app.domain.message import Attachment, AttachmentKind, Card, Content, Place
from app.domain.rich_text import html_writer, telegram


@dataclass(frozen=True)
class _FileField:
    """A field of a message that holds a file: what it is, and the name and type where Telegram gives none."""

    kind: AttachmentKind
    name: str
    mime: str = ""


#: Fields with files, in the order in which the first one counts: an animation fills ``document`` as well.
FILES: dict[str, _FileField] = {
    "animation": _FileField(AttachmentKind.VIDEO, "animation.mp4", "video/mp4"),
    "document": _FileField(AttachmentKind.FILE, "document"),
    "audio": _FileField(AttachmentKind.AUDIO, "audio.mp3", "audio/mpeg"),
    "voice": _FileField(AttachmentKind.VOICE, "voice.ogg", "audio/ogg"),
    "video": _FileField(AttachmentKind.VIDEO, "video.mp4", "video/mp4"),
    "video_note": _FileField(AttachmentKind.VIDEO, "video_note.mp4", "video/mp4"),
}
_PHOTO = _FileField(AttachmentKind.IMAGE, "photo.jpg", "image/jpeg")
_STICKER = _FileField(AttachmentKind.STICKER, "sticker.webp", "image/webp")
_VIDEO_STICKER = _FileField(AttachmentKind.STICKER, "sticker.webm", "video/webm")
_ANIMATED_STICKER = _FileField(AttachmentKind.STICKER, "sticker.tgs", "application/gzip")

#: Kinds that bots are told of, but that have nothing to fetch.
SENTENCES: dict[str, str] = {
    "story": "[a story, which bots cannot open]",
    "paid_media": "[paid media, which bots cannot open]",
    "rich_message": "[a rich message: it can be read in Telegram only]",
    "checklist": "[a checklist: it can be read in Telegram only]",
    "live_photo": "[a live photo: it can be seen in Telegram only]",
    "game": "[a game]",
    "invoice": "[an invoice]",
    "successful_payment": "[a payment was made]",
    "giveaway": "[a giveaway]",
    "giveaway_winners": "[the winners of a giveaway]",
    "gift": "[a gift]",
    "unique_gift": "[a gift]",
    "video_chat_started": "[a video chat was started]",
    "video_chat_ended": "[a video chat has ended]",
    "forum_topic_created": "[a topic was opened]",
    "users_shared": "[contacts were shared]",
    "chat_shared": "[a chat was shared]",
    "web_app_data": "[data of a web app]",
    "new_chat_members": "[somebody joined the group]",
    "left_chat_member": "[somebody left the group]",
    "new_chat_title": "[the group has a new name]",
    "new_chat_photo": "[the group has a new picture]",
    "delete_chat_photo": "[the group's picture was removed]",
    "group_chat_created": "[the group was created]",
    "pinned_message": "[a message was pinned]",
    "write_access_allowed": "[the bot may write now]",
}
#: Fields that say something about a message, not what it is.
_ATTRIBUTES = frozenset({
    "author_signature",
    "chat_background_set",
    "effect_id",
    "external_reply",
    "forward_origin",
    "has_media_spoiler",
    "has_protected_content",
    "is_automatic_forward",
    "is_from_offline",
    "link_preview_options",
    "quote",
    "reply_markup",
    "sender_boost_count",
    "show_caption_above_media",
    "via_bot",
})  # fmt: skip


def read(message: ChatMessage) -> Content:
    """Return what a message says. Never empty: a kind that is not known is named."""
    lines = _lines(message)
    attachments = tuple(one for one in (_photo(message), _file(message), _sticker(message)) if one)
    text, entities = message.text or message.caption, message.entities if message.text else message.caption_entities
    places, cards = tuple(filter(None, [_place(message)])), tuple(filter(None, [_card(message)]))
    if not (text or lines or attachments or places or cards):
        lines = [_unknown(message)]
    html = _html(text, entities) if text and not lines else None
    return Content(
        text="\n".join([text, *lines] if text else lines),
        html=html,
        attachments=attachments,
        places=places,
        cards=cards,
        reply_to=_reply_to(message),
    )


def _html(text: str, entities: Sequence[Entity]) -> str | None:
    """Return a text with its formatting, None where there is none."""
    known = [telegram.Entity(one.type, one.offset, one.length, one.url) for one in entities]
    document = telegram.read(text, known)
    return None if document.is_plain else html_writer.write(document)


def _reply_to(message: ChatMessage) -> str | None:
    """Id of the quoted message. In a forum, every message is a reply to the topic's first one: that is no quote."""
    quoted = message.reply_to_message
    if quoted is None or (message.is_topic_message and quoted.message_id == message.message_thread_id):
        return None
    return str(quoted.message_id)


def _photo(message: ChatMessage) -> Attachment | None:
    largest = max(message.photo, key=lambda size: size.width * size.height, default=None)
    return _attachment(largest, _PHOTO)


def _file(message: ChatMessage) -> Attachment | None:
    for field, known in FILES.items():
        file: File | None = getattr(message, field)
        if file is not None:
            return _attachment(file, known)
    return None


def _sticker(message: ChatMessage) -> Attachment | None:
    sticker = message.sticker
    if sticker is None:
        return None
    moving = _ANIMATED_STICKER if sticker.is_animated else _VIDEO_STICKER if sticker.is_video else None
    return _attachment(sticker, moving or _STICKER)


def _attachment(file: File | None, known: _FileField) -> Attachment | None:
    """Return a file as an attachment; None without an id, by which alone its bytes can be fetched."""
    if file is None or not file.file_id:
        return None
    mime = file.mime_type or known.mime
    picture = known.kind is AttachmentKind.FILE and mime.startswith("image/")
    return Attachment(
        kind=AttachmentKind.IMAGE if picture else known.kind,
        source=file.file_id,
        name=file.file_name or known.name,
        mime=mime,
        size=file.file_size,
    )


def _lines(message: ChatMessage) -> list[str]:
    """What is not a file, in words."""
    return [line for describe in _DESCRIBERS if (line := describe(message))]


def _lost_file(message: ChatMessage) -> str:
    fields = {"photo": message.photo, "sticker": message.sticker, **{one: getattr(message, one) for one in FILES}}
    found = any((_photo(message), _file(message), _sticker(message)))
    lost = next((name for name, value in fields.items() if value), "")
    return f"[{lost.replace('_', ' ')}: Telegram gave no file for it]" if lost and not found else ""


def _stickers_emoji(message: ChatMessage) -> str:
    return f"[sticker {message.sticker.emoji}]" if message.sticker and message.sticker.emoji else ""


def _place(message: ChatMessage) -> Place | None:
    """Return a shared place; a venue fills ``location`` as well. None without one that is on the earth."""
    point = message.venue.location if message.venue else message.location
    if point is None:
        return None
    words = {"name": message.venue.title, "address": message.venue.address} if message.venue else {}
    try:
        return Place(latitude=point.latitude, longitude=point.longitude, **words)
    except ValidationError:
        return None


def _where(message: ChatMessage) -> str:
    """Say what a point alone would not tell: that it moved on, or that there is none."""
    if not message.location and not message.venue:
        return ""
    if _place(message) is None:
        return "[location]"
    return "[live location, as it was at first]" if message.location and message.location.live_period else ""


def _card(message: ChatMessage) -> Card | None:
    """Return a shared contact, with what its vCard says more; None where nothing is on it."""
    card = _complete(message.contact) if message.contact else Card()
    return card if card != Card() else None


def _blank_card(message: ChatMessage) -> str:
    return "[contact]" if message.contact and _card(message) is None else ""


def _complete(contact: Contact) -> Card:
    more = vcard.read(contact.vcard)
    name = f"{contact.first_name} {contact.last_name}".strip()
    phones = (contact.phone_number, *more.phones) if contact.phone_number else more.phones
    digits = {"".join(filter(str.isdigit, one)): one for one in reversed(phones)}
    kept = tuple(one for one in dict.fromkeys(phones) if one in digits.values())
    return more.model_copy(update={"name": name or more.name, "phones": kept})


def _poll(message: ChatMessage) -> str:
    if not message.poll:
        return ""
    options = " / ".join(option.text for option in message.poll.options)
    return f"[poll: {message.poll.question} {options}]"


def _dice(message: ChatMessage) -> str:
    return f"[{message.dice.emoji} {message.dice.value}]" if message.dice else ""


def _sentence(message: ChatMessage) -> str:
    return next((SENTENCES[name] for name in message.model_extra or {} if name in SENTENCES), "")


def _unknown(message: ChatMessage) -> str:
    """Name the fields of a kind of message that did not exist when this was written."""
    names = [name[:50] for name in message.model_extra or {} if name not in _ATTRIBUTES]
    return f"[a message that can be read in Telegram only: {', '.join(names[:3]) or 'nothing in it'}]"


_DESCRIBERS: tuple[Callable[[ChatMessage], str], ...] = (
    _lost_file,
    _stickers_emoji,
    _where,
    _blank_card,
    _poll,
    _dice,
    _sentence,
)
