"""The Bot API's methods that put something into a chat."""

from __future__ import annotations

from typing import Any

from app.simulator.telegram import limits
from app.simulator.telegram.call import Call
from app.simulator.telegram.errors import TelegramError, bad_request, forbidden
from app.simulator.telegram.keyboards import markup_of
from app.simulator.telegram.state import Chat, ChatState, Json, without_reply
from app.simulator.telegram.text import CAPTION_LIMIT, MESSAGE_LIMIT, checked_length, formatted

#: Longest vCard, bytes.
VCARD_LIMIT = 2048

#: Why a chat does not take messages of the bot.
REFUSALS = {
    ChatState.UNSTARTED: "bot can't initiate conversation with a user",
    ChatState.BLOCKED: "bot was blocked by the user",
    ChatState.DEACTIVATED: "user is deactivated",
    ChatState.KICKED: "bot was kicked from the {type} chat",
}

ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)


def send_message(call: Call) -> Json:
    """A text."""
    chat = writable_chat(call)
    text, entities = formatted(
        call.text("text"), parse_mode=call.text("parse_mode"), entities=call.structure("entities") or []
    )
    if not text.strip():
        raise bad_request("message text is empty")
    checked_length(text, limit=MESSAGE_LIMIT, what="message")
    return post(call, chat, {"text": text, **({"entities": entities} if entities else {})})


def send_location(call: Call) -> Json:
    """A point on the map."""
    chat = writable_chat(call)
    return post(call, chat, {"location": _point(call)})


def send_venue(call: Call) -> Json:
    """A place with a name and an address."""
    chat = writable_chat(call)
    venue = {"location": _point(call), "title": _needed(call, "title"), "address": _needed(call, "address")}
    return post(call, chat, {"venue": venue, "location": venue["location"]})


def send_contact(call: Call) -> Json:
    """Somebody's number."""
    chat = writable_chat(call)
    contact = {"phone_number": _needed(call, "phone_number"), "first_name": _needed(call, "first_name")}
    for name in ("last_name", "vcard"):
        if call.text(name):
            contact[name] = call.text(name)
    if len(contact.get("vcard", "").encode()) > VCARD_LIMIT:
        raise bad_request("vcard is too long")
    return post(call, chat, {"contact": contact})


def send_chat_action(call: Call) -> bool:
    """Typing and the like; shown nowhere, checked all the same."""
    _reachable(_chat(call))
    if call.text("action") not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    return True


def read_business_message(call: Call) -> bool:
    """A message of a customer's is marked as read, for the account that is connected to the bot."""
    chat = _chat(call)
    if not call.text("business_connection_id"):
        raise bad_request("business connection not found")
    call.bot.read.append((call.text("business_connection_id"), chat.id, call.integer("message_id")))
    return True


def get_chat(call: Call) -> Json:
    """The chat's full description, with the fields that are always there."""
    chat = _chat(call)
    return {
        **chat.as_json(),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            False,
        ),
    }


def writable_chat(call: Call) -> Chat:
    """The chat of a sending method, after it agreed and the limits were counted.

    Raises:
        TelegramError: the chat is unknown, refuses the bot, moved, or a limit is passed.
    """
    chat = _chat(call)
    _reachable(chat)
    limits.count(call.bot, chat, call.telegram.world.clock.now())
    return chat


def _chat(call: Call) -> Chat:
    if not call.text("chat_id"):
        raise bad_request("chat_id is empty")
    chat = call.bot.chats.get(_chat_id(call))
    if chat is None:
        raise bad_request("chat not found")
    return chat


def _chat_id(call: Call) -> int:
    try:
        return int(call.text("chat_id"))
    except ValueError:
        raise bad_request("chat not found") from None


def _reachable(chat: Chat) -> None:
    if chat.state is ChatState.MIGRATED and chat.migrate_to is not None:
        raise TelegramError(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            migrate_to_chat_id=chat.migrate_to,
        )
    if chat.state in REFUSALS:
        raise forbidden(REFUSALS[chat.state].format(type=chat.type.value))


def caption_of(call: Call) -> Json:
    """The caption of a file, with its formatting."""
    text, entities = formatted(
        call.text("caption"), parse_mode=call.text("parse_mode"), entities=call.structure("caption_entities") or []
    )
    checked_length(text, limit=CAPTION_LIMIT, what="message caption")
    caption: Json = {"caption": text} if text else {}
    return {**caption, "caption_entities": entities} if entities else caption


def post(call: Call, chat: Chat, content: Json) -> Json:
    """Put a message of the bot's into a chat, with what it quotes and the buttons under it."""
    more = {**_quoted(call, chat), **markup_of(call)}
    return call.telegram.post(call.bot, chat, sender=call.bot.as_user(), content={**content, **more})


def _point(call: Call) -> Json:
    try:
        latitude, longitude = float(call.text("latitude")), float(call.text("longitude"))
    except ValueError:
        raise bad_request("location is empty") from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # noqa: PLR2004 - degrees
        raise bad_request("wrong location specified")
    return {"latitude": latitude, "longitude": longitude}


def _needed(call: Call, name: str) -> str:
    if not call.text(name).strip():
        raise bad_request(f"{name.replace('_', ' ')} is empty")
    return call.text(name)


def _quoted(call: Call, chat: Chat) -> Json:
    wanted: Any = call.structure("reply_parameters")
    if not wanted:
        return {}
    message = chat.message(int(wanted.get("message_id", 0)))
    if message is None:
        if wanted.get("allow_sending_without_reply"):
            return {}
        raise bad_request("message to be replied not found")
    return {"reply_to_message": without_reply(message)}
