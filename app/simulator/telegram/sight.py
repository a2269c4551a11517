"""Telegram's messages as the page draws them."""

from __future__ import annotations

from app.simulator.bubble import Bubble, Chatter, Picture
from app.simulator.telegram.state import SERVICE, Bot, Chat, ChatState, Json, full_name

#: Fields that hold a file, and what the page calls it.
FILES = {
    "photo": "image",
    "sticker": "image",
    "document": "file",
    "voice": "audio",
    "audio": "audio",
    "video": "video",
    "video_note": "video",
    "animation": "video",
}


def bubble_of(message: Json) -> Bubble:
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
        last=bubble_of(chat.messages[-1]) if chat.messages else None,
    )


def _described(message: Json) -> str:
    """A line for messages without text."""
    if "venue" in message:
        return f"\N{ROUND PUSHPIN} {message['venue']['title']}, {message['venue']['address']}"
    if "location" in message:
        return f"\N{ROUND PUSHPIN} {message['location']['latitude']}, {message['location']['longitude']}"
    if "contact" in message:
        return f"\N{BUST IN SILHOUETTE} {message['contact']['first_name']}, {message['contact']['phone_number']}"
    if "poll" in message:
        return f"\N{BAR CHART} {message['poll']['question']}"
    return ""


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
                    mime=str(file.get("mime_type", "image/webp" if field == "sticker" else "image/jpeg")),
                    url=f"/_sim/telegram/files/{file['file_id']}",
                    size=int(file.get("file_size", 0)),
                )
            )
    return found
