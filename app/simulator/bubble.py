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
    attachments: tuple[Picture, ...] = Field(())


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
    pictures: bool
    conversations: tuple[Chatter, ...]


def published(chatter: Chatter, bubble: Bubble) -> dict[str, Any]:
    """The data of the events `customer_message` and `customer_status`."""
    return {
        "service": chatter.service,
        "account": chatter.account,
        "conversation": chatter.conversation,
        "message": bubble.model_dump(mode="json"),
    }
