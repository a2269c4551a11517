"""Telegram's messages as the page draws them."""

from __future__ import annotations

from app.simulator.bubble import Bubble, Button, Card, Chatter, Entity, Picture, Spot
from app.simulator.telegram.state import SERVICE, Bot, Chat, ChatState, Json, full_name

#: Fields that hold a file, and what the page calls it.
FILES = {
    "photo": "image",
    "sticker": "sticker",
    "document": "file",
    "voice": "voice",
    "audio": "audio",
    "video": "video",
    "video_note": "video",
    "animation": "video",
}

#: Types of files whose messages do not name one.
TYPES = {"photo": "image/jpeg", "sticker": "image/webp", "voice": "audio/ogg", "video_note": "video/mp4"}


def bubble_of(chat: Chat, message: Json) -> Bubble:
    """One message as a bubble."""
    sender = message["from"]
    reply = message.get("reply_to_message")
    return Bubble(
        id=str(message["message_id"]),
        mine=not sender["is_bot"],
        sender=full_name(sender),
        text=str(message.get("text") or message.get("caption") or _described(message)),
        time=int(message["date"]) * 1000,
        reply_to=str(reply["message_id"]) if reply else None,
        edited="edit_date" in message,
        attachments=tuple(_pictures(message)),
        entities=tuple(_entities(message)),
        place=_place(message),
        card=_card(message),
        choices=tuple(_buttons(message)),
        reactions=tuple(chat.reactions.get(message["message_id"], ())),
    )


def chatter_of(bot: Bot, chat: Chat) -> Chatter:
    """One chat as a line of the page's list."""
    return Chatter(
        service=SERVICE,
        account=str(bot.id),
        conversation=str(chat.id),
        name=chat.name,
        blocked=chat.state is not ChatState.OPEN,
        group=not chat.private,
        last=bubble_of(chat, chat.messages[-1]) if chat.messages else None,
    )


def _described(message: Json) -> str:
    """A line for messages without text that nothing else shows."""
    if "poll" in message:
        options = "".join(f"\n\N{WHITE CIRCLE} {option['text']}" for option in message["poll"]["options"])
        return f"\N{BAR CHART} {message['poll']['question']}{options}"
    return ""


def _place(message: Json) -> Spot | None:
    venue = message.get("venue", {})
    point = message.get("location") or venue.get("location")
    if not point:
        return None
    names = {"name": str(venue.get("title", "")), "address": str(venue.get("address", ""))}
    return Spot(latitude=point["latitude"], longitude=point["longitude"], **names)


def _card(message: Json) -> Card | None:
    contact = message.get("contact")
    return Card(name=full_name(contact), phones=(str(contact["phone_number"]),)) if contact else None


def _entities(message: Json) -> list[Entity]:
    found = message.get("entities") or message.get("caption_entities") or []
    return [Entity.model_validate(one) for one in found]


def _buttons(message: Json) -> list[Button]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [
        Button(label=one["text"], url=one.get("url", ""), data=one.get("callback_data", ""))
        for row in rows
        for one in row
    ]


def _pictures(message: Json) -> list[Picture]:
    found = []
    for field, kind in FILES.items():
        # An animation fills both fields, for programs that do not know it.
        if field in message and not (field == "document" and "animation" in message):
            file = message[field][-1] if field == "photo" else message[field]
            found.append(
                Picture(
                    kind=kind,
                    name=str(file.get("file_name", field)),
                    mime=str(file.get("mime_type", TYPES.get(field, "application/octet-stream"))),
                    url=f"/_sim/telegram/files/{file['file_id']}",
                    size=int(file.get("file_size", 0)),
                )
            )
    return found
