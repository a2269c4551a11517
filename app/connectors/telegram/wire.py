"""The parts of Telegram's objects that the relay reads (https://core.telegram.org/bots/api#available-types)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

#: The last second of the year 9999.
_LAST_DATE = 253_402_300_799


def storable(text: str) -> str:
    """Replace what no database and no UTF-8 takes: NUL and halves of surrogate pairs. Keeps the length in UTF-16."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Text = Annotated[str, AfterValidator(storable)]
#: Ids need up to 52 bits; no JSON number beyond 64 bits is an id.
Id = Annotated[int, Field(gt=-(2**63), lt=2**63)]
Date = Annotated[int, Field(ge=0, le=_LAST_DATE, description="Seconds since 1970.")]


class Wire(BaseModel):
    """Base of what Telegram sends. Unknown fields are kept, because their names tell what a message is."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Update(Wire):
    """One webhook request. What happened is in the one other field."""

    update_id: Annotated[Id, Field(ge=0)]


class User(Wire):
    """A person or a bot."""

    id: Id
    first_name: Text = ""
    last_name: Text = ""
    username: Text = ""

    @property
    def name(self) -> str:
        """The name as Telegram shows it."""
        return f"{self.first_name} {self.last_name}".strip() or self.username


class Chat(Wire):
    """A private chat, group, supergroup or channel."""

    id: Id
    title: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    username: Text = ""

    @property
    def name(self) -> str:
        """The name as Telegram shows it."""
        return self.title or f"{self.first_name} {self.last_name}".strip() or self.username


class Entity(Wire):
    """Formatting of a part of a text. Offset and length count UTF-16 units."""

    type: str = ""
    offset: int = 0
    length: int = 0
    url: Text = ""
    language: Text = ""


class File(Wire):
    """Anything with bytes: a size of a photo, a document, a sticker..."""

    file_id: Text = ""
    file_name: Text = ""
    mime_type: Text = ""
    file_size: int | None = None
    width: int = 0
    height: int = 0
    emoji: Text = ""
    is_animated: bool = False
    is_video: bool = False


class Location(Wire):
    """A point on the earth; with ``live_period`` a moving one."""

    latitude: float
    longitude: float
    live_period: int | None = None


class Venue(Wire):
    """A place with a name."""

    location: Location
    title: Text = ""
    address: Text = ""


class Contact(Wire):
    """A shared phone number."""

    phone_number: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    user_id: Id | None = None
    vcard: Text = ""


class PollOption(Wire):
    """One answer of a poll."""

    text: Text = ""


class Poll(Wire):
    """A poll."""

    question: Text = ""
    options: tuple[PollOption, ...] = ()


class Dice(Wire):
    """An animated emoji with a random value."""

    emoji: Text = ""
    value: int = 0


class Button(Wire):
    """A button under a message."""

    text: Text = ""
    callback_data: Text | None = None


class Keyboard(Wire):
    """The buttons under a message, in rows."""

    inline_keyboard: tuple[tuple[Button, ...], ...] = ()


class Reference(Wire):
    """A message that another one refers to. ``date`` 0: Telegram has forgotten it."""

    message_id: Id
    chat: Chat
    date: Date = 0
    business_connection_id: Text = ""
    reply_markup: Keyboard = Keyboard()


class ChatMessage(Wire):
    """A message of any kind."""

    message_id: Id
    date: Date
    chat: Chat
    user: User | None = Field(default=None, alias="from")
    sender_chat: Chat | None = None
    sender_business_bot: User | None = None
    business_connection_id: Text = ""
    author_signature: Text = ""
    message_thread_id: Id | None = None
    is_topic_message: bool = False
    reply_to_message: Reference | None = None
    edit_date: Date | None = None
    media_group_id: Text = ""
    text: Text = ""
    entities: tuple[Entity, ...] = ()
    caption: Text = ""
    caption_entities: tuple[Entity, ...] = ()
    photo: tuple[File, ...] = ()
    animation: File | None = None
    document: File | None = None
    audio: File | None = None
    voice: File | None = None
    video: File | None = None
    video_note: File | None = None
    sticker: File | None = None
    location: Location | None = None
    venue: Venue | None = None
    contact: Contact | None = None
    forward_origin: JsonValue = None
    poll: Poll | None = None
    dice: Dice | None = None
    migrate_to_chat_id: Id | None = None
    migrate_from_chat_id: Id | None = None


class Callback(Wire):
    """A button under a message was pressed."""

    id: Text
    user: User = Field(alias="from")
    message: Reference | None = None
    data: Text = ""


class ReactionKind(Wire):
    """One reaction: an emoji, or one that only Telegram can draw."""

    emoji: Text = ""


class Reaction(Wire):
    """Somebody changed their reactions to a message."""

    chat: Chat
    message_id: Id
    date: Date
    user: User | None = None
    actor_chat: Chat | None = None
    old_reaction: tuple[ReactionKind, ...] = ()
    new_reaction: tuple[ReactionKind, ...] = ()


class Deletion(Wire):
    """Messages of a chat of Telegram Business were deleted; nobody is told by whom and when."""

    business_connection_id: Text
    chat: Chat
    message_ids: tuple[Id, ...]


class Membership(Wire):
    """What somebody may do in a chat."""

    status: str
    is_member: bool = True


class MembershipChange(Wire):
    """What the bot may do in a chat has changed."""

    chat: Chat
    date: Date
    new_chat_member: Membership
