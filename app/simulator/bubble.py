"""What one message looks like in a customer's messenger, whatever the service: the page draws it, tests read it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class BubbleStatus(StrEnum):
    """How far a message came, as the service knows. Customers' own messages stay at SENT."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class Picture(BaseModel):
    """An attachment as the page shows it; `url` opens without credentials."""

    model_config = ConfigDict(frozen=True)

    kind: str
    name: str
    mime: str
    url: str
    size: int


class Spot(BaseModel):
    """A point on the map, in degrees."""

    model_config = ConfigDict(frozen=True)

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    name: str = ""
    address: str = ""


class Card(BaseModel):
    """Somebody's contact card."""

    model_config = ConfigDict(frozen=True)

    name: str = ""
    organisation: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


class Button(BaseModel):
    """A button under a message. One with `url` opens it; `data` is what the service gives back for another."""

    model_config = ConfigDict(frozen=True)

    label: str = Field(min_length=1)
    url: str = ""
    data: str = ""


class Entity(BaseModel):
    """Formatting of a text's part; `offset` and `length` count UTF-16 units, as scripts do. Types are Telegram's."""

    model_config = ConfigDict(frozen=True)

    type: str
    offset: int
    length: int
    url: str = ""


class Bubble(BaseModel):
    """One message. `mine` is true for the customer's own; `time` is milliseconds since the epoch."""

    model_config = ConfigDict(frozen=True)

    id: str
    mine: bool
    sender: str
    text: str
    time: int
    reply_to: str | None = None
    status: BubbleStatus = BubbleStatus.SENT
    reason: str | None = None
    edited: bool = False
    deleted: bool = False
    attachments: tuple[Picture, ...] = Field(())
    entities: tuple[Entity, ...] = ()
    place: Spot | None = None
    card: Card | None = None
    choices: tuple[Button, ...] = ()
    reactions: tuple[str, ...] = ()


class Chatter(BaseModel):
    """One conversation in a messenger's list. `service` is the simulated service, `account` our bot or number."""

    model_config = ConfigDict(frozen=True)

    service: str
    account: str
    conversation: str
    name: str
    blocked: bool
    group: bool = False
    last: Bubble | None = None


class Messenger(BaseModel):
    """One of our accounts at a service, as customers see it, with everyone who writes to it."""

    model_config = ConfigDict(frozen=True)

    service: str
    account: str
    name: str
    connected: bool
    conversations: tuple[Chatter, ...]


def published(chatter: Chatter, bubble: Bubble) -> dict[str, Any]:
    """The data of the events `customer_message` and `customer_status`."""
    return {
        "service": chatter.service,
        "account": chatter.account,
        "conversation": chatter.conversation,
        "message": bubble.model_dump(mode="json"),
    }
