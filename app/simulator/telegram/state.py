"""What the simulated Telegram remembers. Times are seconds since the epoch, as in Telegram's own JSON."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SERVICE = "telegram"

#: Kinds of updates that a bot gets only when it asks for them.
UNASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})

Json = dict[str, Any]


class ChatType(StrEnum):
    """Of a chat."""

    PRIVATE = "private"
    GROUP = "group"
    SUPERGROUP = "supergroup"


class ChatState(StrEnum):
    """What a chat thinks of the bot."""

    OPEN = "open"
    UNSTARTED = "unstarted"
    BLOCKED = "blocked"
    DEACTIVATED = "deactivated"
    KICKED = "kicked"
    MIGRATED = "migrated"


@dataclass(frozen=True)
class Webhook:
    """Where a bot's updates go. `allowed` empty: the default kinds."""

    url: str
    secret: str = ""
    allowed: frozenset[str] = frozenset()
    max_connections: int = 40

    def allows(self, kind: str) -> bool:
        """Whether updates of this kind are sent."""
        return kind in self.allowed if self.allowed else kind not in UNASKED


@dataclass(frozen=True)
class StoredFile:
    """A file at Telegram; `size` may be larger than what is kept, to play a file that is too big."""

    id: str
    unique_id: str
    path: str
    name: str
    mime: str
    content: bytes
    size: int

    def as_json(self) -> Json:
        """The fields that every kind of file has."""
        return {"file_id": self.id, "file_unique_id": self.unique_id, "file_size": self.size}


@dataclass
class Chat:
    """A chat with the bot. `members` are its people by user id; a private chat has one."""

    id: int
    type: ChatType
    members: dict[int, Json]
    title: str = ""
    state: ChatState = ChatState.OPEN
    migrate_to: int | None = None
    messages: list[Json] = field(default_factory=list)
    last_message_id: int = 0
    #: What people reacted with, by message id.
    reactions: dict[int, list[str]] = field(default_factory=dict)

    @property
    def private(self) -> bool:
        """Whether it is a chat with one person."""
        return self.type is ChatType.PRIVATE

    @property
    def customer(self) -> Json:
        """The first person of the chat."""
        return next(iter(self.members.values()))

    @property
    def name(self) -> str:
        """What people call the chat."""
        return self.title if not self.private else full_name(self.customer)

    def as_json(self) -> Json:
        """The Chat object of messages."""
        if not self.private:
            return {"id": self.id, "type": self.type.value, "title": self.title}
        names = {key: value for key, value in self.customer.items() if key in {"first_name", "last_name", "username"}}
        return {"id": self.id, "type": self.type.value, **names}

    def message(self, message_id: int) -> Json | None:
        """A message of this chat."""
        return next((one for one in self.messages if one["message_id"] == message_id), None)


@dataclass
class Bot:
    """A bot. `queue` holds updates for getUpdates, `pending` those on their way to the webhook; each with its chat."""

    id: int
    token: str
    username: str
    name: str
    limits: bool = False
    revoked: bool = False
    webhook: Webhook | None = None
    next_update: int = 0
    chats: dict[int, Chat] = field(default_factory=dict)
    queue: list[tuple[int, Json]] = field(default_factory=list)
    pending: dict[int, tuple[int, Json]] = field(default_factory=dict)
    last_error: tuple[int, str] | None = None
    calls: deque[tuple[float, int]] = field(default_factory=deque)
    silent_until: float = 0.0
    callbacks: set[str] = field(default_factory=set)
    #: What was marked as read: business connection, chat, message.
    read: list[tuple[str, int, int]] = field(default_factory=list)

    def as_user(self) -> Json:
        """The User object of the bot."""
        return {"id": self.id, "is_bot": True, "first_name": self.name, "username": self.username}


def full_name(user: Json) -> str:
    """First and last name of a User object."""
    return " ".join(str(user[key]) for key in ("first_name", "last_name") if user.get(key))


def without_reply(message: Json) -> Json:
    """A message as it is quoted: quotes do not nest."""
    return {key: value for key, value in message.items() if key != "reply_to_message"}
