"""Telegram's updates as our events.

``order`` is the update's id. Telegram counts it up from update to update, over all chats and all kinds, so within a
chat it is the order in which things happened, also for edits, reactions and pressed buttons: dates are whole seconds,
and a pressed button has none. (After a week without any update it begins anew at a random number; by then nothing of
before waits in a lane.) It tells two edits of one message apart as well, and so is their ``revision``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue, ValidationError

from app.connectors.telegram import contents
from app.connectors.telegram.wire import (
    Callback,
    Chat,
    ChatMessage,
    Deletion,
    MembershipChange,
    Reaction,
    Reference,
    Update,
    User,
)
from app.domain.address import phone
from app.domain.message import Content, Event, Kind, Message, Notice, NoticeKind, Unopened
from app.domain.person import Identifier, Person

#: What the relay asks Telegram for. ``message_reaction`` comes only where the bot is an administrator.
ALLOWED_UPDATES: tuple[JsonValue, ...] = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "message_reaction",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
)

#: https://core.telegram.org/bots/api#chatmember - a restricted member is one if it says so.
_OUT = frozenset({"kicked", "left"})

#: Updates of channels, where only administrators write.
_CHANNEL = frozenset({"channel_post", "edited_channel_post"})

#: Of what Telegram gives no time for.
_TIMELESS = datetime.fromtimestamp(0, UTC)

#: Between the business connection and the chat in a conversation's id.
BUSINESS_SEPARATOR = ":"


@dataclass(frozen=True)
class _Item:
    """One update: its number, what happened, and which bot was told."""

    number: int
    kind: str
    value: object
    bot_id: int


def read(body: object, bot_id: int) -> list[Event]:
    """Return what an update says: mostly one event; none for our own messages and for noise."""
    try:
        update = Update.model_validate(body)
        kind, value = next(iter((update.model_extra or {}).items()), ("", None))
        item = _Item(update.update_id, kind, value, bot_id)
        return _READERS.get(kind, _read_future)(item)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"][:4]) or "update"
        return [Unopened(reason=f"Not an update that this release can read: {place[:100]}: {first['msg']}.")]


def conversation_of(chat: Chat, business_connection: str = "") -> str:
    """Return a conversation's id: the chat's, and for Telegram Business the connection's before it."""
    return f"{business_connection}{BUSINESS_SEPARATOR}{chat.id}" if business_connection else str(chat.id)


def _read_message(item: _Item) -> list[Event]:
    message = ChatMessage.model_validate(item.value)
    moved = _move(message)
    if moved:
        return [moved]
    return _message(message, item, Kind.MESSAGE)


def _read_edit(item: _Item) -> list[Event]:
    """An edit. A live location that moves is an edit every few seconds: noise, and the first message says so."""
    message = ChatMessage.model_validate(item.value)
    if message.location and message.location.live_period:
        return []
    return _message(message, item, Kind.EDIT)


def _message(message: ChatMessage, item: _Item, kind: Kind) -> list[Event]:
    author = message.sender_business_bot or message.user
    if author and author.id == item.bot_id:
        return []
    sender = _person(message.sender_chat or message.user)
    if sender is None:
        return [Unopened(reason=f"A message without a sender (update of the kind {item.kind[:50]}).")]
    own = _is_own(message, item)
    return [
        Message(
            conversation=conversation_of(message.chat, message.business_connection_id),
            service_id=str(message.message_id),
            sender=_signed(sender, message) if own else sender.model_copy(update={"vouched": _vouched(message)}),
            content=contents.read(message),
            sent_at=_moment(message.date if kind is Kind.MESSAGE else message.edit_date or message.date),
            order=item.number,
            kind=kind,
            revision="" if kind is Kind.MESSAGE else str(item.number),
            own=own,
            customer=_user(message.chat) if own else None,
            album=message.media_group_id if kind is Kind.MESSAGE else "",
        )
    ]


def _is_own(message: ChatMessage, item: _Item) -> bool:
    """Tell whether our own side wrote a message.

    In a channel nobody else can write. Of a chat of Telegram Business the owner of the account is whoever is not the
    customer, whose id is the chat's. An anonymous administrator of a group may be anybody's: that is a customer.
    """
    if message.business_connection_id:
        return message.user is not None and message.user.id != message.chat.id
    return item.kind in _CHANNEL


def _signed(sender: Person, message: ChatMessage) -> Person:
    """Return who wrote, with the name that a channel's administrator signs with."""
    return sender.model_copy(update={"name": message.author_signature}) if message.author_signature else sender


def _move(message: ChatMessage) -> Notice | None:
    """A group became a supergroup; told in the old chat and, the other way round, in the new one."""
    old, new = message.chat.id, message.migrate_to_chat_id
    if message.migrate_from_chat_id is not None:
        old, new = message.migrate_from_chat_id, message.chat.id
    if new is None:
        return None
    return Notice(kind=NoticeKind.MOVED, conversation=str(old), at=_moment(message.date), detail=str(new))


def _read_callback(item: _Item) -> list[Event]:
    """A pressed button, as if the customer had written what is on it.

    Telegram gives no time for it; the time of the message with the button is the nearest that there is.
    """
    callback = Callback.model_validate(item.value)
    message = callback.message
    if message is None or not message.date:
        return [Unopened(reason="A button was pressed under a message that Telegram does not give us any more.")]
    return [
        Message(
            conversation=conversation_of(message.chat, message.business_connection_id),
            service_id=f"callback-{callback.id}",
            sender=_user(callback.user),
            content=Content(text=_label(message, callback.data), reply_to=str(message.message_id)),
            sent_at=_moment(message.date),
            order=item.number,
        )
    ]


def _label(message: Reference, data: str) -> str:
    """What stands on the pressed button; its data, which the customer never saw, where that is not told."""
    buttons = (button for row in message.reply_markup.inline_keyboard for button in row)
    return next((button.text for button in buttons if button.callback_data == data), "") or data or "[a button]"


def _read_reaction(item: _Item) -> list[Event]:
    reaction = Reaction.model_validate(item.value)
    sender = _person(reaction.user or reaction.actor_chat)
    if sender is None or (reaction.user and reaction.user.id == item.bot_id):
        return []
    shown = reaction.new_reaction or reaction.old_reaction
    emoji = " ".join(one.emoji or "a custom emoji" for one in shown)
    return [
        Message(
            conversation=conversation_of(reaction.chat),
            service_id=str(reaction.message_id),
            sender=sender,
            content=Content(text=emoji, is_withdrawn=not reaction.new_reaction),
            sent_at=_moment(reaction.date),
            order=item.number,
            kind=Kind.REACTION,
            revision=str(item.number),
        )
    ]


def _read_deletion(item: _Item) -> list[Event]:
    """Messages that were deleted in a chat of Telegram Business: the customer's own, as far as anybody can tell."""
    deletion = Deletion.model_validate(item.value)
    return [
        Message(
            conversation=conversation_of(deletion.chat, deletion.business_connection_id),
            service_id=str(deleted),
            sender=_user(deletion.chat),
            content=Content(),
            sent_at=_TIMELESS,
            order=item.number,
            kind=Kind.DELETION,
            revision=str(item.number),
        )
        for deleted in deletion.message_ids
    ]


def _read_membership(item: _Item) -> list[Event]:
    change = MembershipChange.model_validate(item.value)
    member = change.new_chat_member
    kind = NoticeKind.OPTED_OUT if member.status in _OUT or not member.is_member else NoticeKind.OPTED_IN
    return [Notice(kind=kind, conversation=str(change.chat.id), at=_moment(change.date))]


def _read_future(item: _Item) -> list[Event]:
    """An update of a kind that this release does not know: most are messages or edits all the same."""
    try:
        edited = ChatMessage.model_validate(item.value).edit_date is not None
        return _read_edit(item) if edited else _read_message(item)
    except ValidationError:
        return [Unopened(reason=f"An update of a kind that this release does not know: {item.kind[:50] or 'none'}.")]


def _person(sender: User | Chat | None) -> Person | None:
    return None if sender is None else _user(sender)


def _user(sender: User | Chat) -> Person:
    return Person(identifier=Identifier(value=str(sender.id)), name=sender.name)


def _vouched(message: ChatMessage) -> tuple[Identifier, ...]:
    """The number that somebody shares about themselves: Telegram itself fills in whose number a shared contact is.

    https://core.telegram.org/bots/api#contact - one that was forwarded is told about by somebody else.
    """
    contact, author = message.contact, message.user
    is_retold = message.forward_origin is not None or message.sender_chat is not None
    if contact is None or author is None or contact.user_id != author.id or is_retold:
        return ()
    number = phone(contact.phone_number, is_international=True)
    return (number,) if number else ()


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


_READERS: Mapping[str, Callable[[_Item], list[Event]]] = {
    "message": _read_message,
    "channel_post": _read_message,
    "business_message": _read_message,
    "edited_message": _read_edit,
    "edited_channel_post": _read_edit,
    "edited_business_message": _read_edit,
    "callback_query": _read_callback,
    "message_reaction": _read_reaction,
    "deleted_business_messages": _read_deletion,
    "my_chat_member": _read_membership,
}
