"""What the loopback messenger remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.simulator.bubble import Bubble, BubbleStatus, Button, Card, Chatter, Picture, Spot

SERVICE = "loopback"

#: Longest text of a message, characters.
TEXT_LIMIT = 4000


@dataclass(frozen=True)
class Media:
    """The bytes of an attachment."""

    id: str
    account: str
    name: str
    mime: str
    content: bytes
    #: What its sender calls it; empty: its type tells.
    given_kind: str = ""

    @property
    def kind(self) -> str:
        """The protocol's word: image, audio, video, file; voice and sticker where its sender says so."""
        if self.given_kind:
            return self.given_kind
        main = self.mime.partition("/")[0]
        return main if main in {"image", "audio", "video"} else "file"

    def picture(self) -> Picture:
        """How the page draws it."""
        return Picture(
            kind=self.kind,
            name=self.name,
            mime=self.mime,
            url=f"/_sim/loopback/media/{self.id}",
            size=len(self.content),
        )


@dataclass(frozen=True)
class Content:
    """What a message says. `choice` is the number of the button that was pressed, from 1."""

    text: str = ""
    reply_to: str | None = None
    media: tuple[Media, ...] = ()
    place: Spot | None = None
    card: Card | None = None
    choices: tuple[Button, ...] = ()
    choice: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing anybody could see."""
        return not (self.text.strip() or self.media or self.place or self.card)


@dataclass
class Message:
    """One message; `mine` is true when the customer wrote it. `time` is seconds since the epoch."""

    id: str
    conversation: str
    mine: bool
    sender: str
    time: float
    content: Content
    status: BubbleStatus = BubbleStatus.SENT
    reason: str | None = None
    edited: bool = False
    deleted: bool = False
    #: The customer's, where there is one.
    reaction: str = ""

    def bubble(self) -> Bubble:
        """How the page draws it."""
        said = self.content
        return Bubble(
            id=self.id,
            mine=self.mine,
            sender=self.sender,
            text=said.text,
            time=int(self.time * 1000),
            reply_to=said.reply_to,
            status=self.status,
            reason=self.reason,
            edited=self.edited,
            deleted=self.deleted,
            attachments=tuple(media.picture() for media in said.media),
            place=said.place,
            card=said.card,
            choices=said.choices,
            reactions=(self.reaction,) if self.reaction else (),
        )


@dataclass(frozen=True)
class Address:
    """A phone number or e-mail address, or with the type `opaque` any other id."""

    type: str
    value: str


@dataclass
class Conversation:
    """One customer's conversation with an account. `vouched`: addresses that the service knows to be the customer's."""

    id: str
    account: str
    customer: str
    address: Address | None = None
    vouched: tuple[Address, ...] = ()
    blocked: bool = False
    messages: list[Message] = field(default_factory=list)

    def chatter(self) -> Chatter:
        """Its line in the page's list."""
        return Chatter(
            service=SERVICE,
            account=self.account,
            conversation=self.id,
            name=self.customer,
            blocked=self.blocked,
            last=self.messages[-1].bubble() if self.messages else None,
        )


@dataclass
class Account:
    """One of the relay's accounts. `backlog` holds (conversation, event) pairs until a webhook is registered."""

    id: str
    name: str
    token: str
    auto_receipts: bool = True
    webhook_url: str = ""
    secret: str = ""
    conversations: dict[str, Conversation] = field(default_factory=dict)
    #: Idempotency key -> the message that it made.
    accepted: dict[str, Message] = field(default_factory=dict)
    backlog: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
