"""Parts: the calls that one message becomes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from app.domain.message import Attachment, Card, Choice, Place, Stored


class PartContent(Stored):
    """One of the service's messages, as it is stored before the first part is sent.

    ``text`` is written in the service's dialect. Where the service takes formatting beside it, ``html`` is the same
    text in HubSpot's HTML, from which the connector makes what it sends. With an attachment, it is its caption.
    """

    text: str = ""
    html: str | None = None
    attachment: Attachment | None = None
    place: Place | None = None
    card: Card | None = None
    choices: tuple[Choice, ...] = ()
    reply_to: str | None = None
    #: When the message was written, as the other side is told; None: when it was.
    at: float | None = None


class Media(Protocol):
    """The bytes of a part's attachment: fetched, checked, and made into what the service takes."""

    @property
    def name(self) -> str:
        """The file's name, with the extension of its type."""

    @property
    def mime(self) -> str:
        """The type that its content has."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def link(self) -> str:
        """Address of ours from which the service can fetch it, for as long as it needs."""

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Return the bytes, for services that take uploads."""


@dataclass(frozen=True)
class Part:
    """One call to a service.

    ``key`` is the same at every try: services with idempotency get it. ``conversation`` is the service's own id.
    ``media`` comes with the content's attachment.
    """

    conversation: str
    content: PartContent
    key: str
    media: Media | None = None


@dataclass(frozen=True)
class Sent:
    """What a service answered: the ids it gave, and the conversation's new id where it moved."""

    ids: tuple[str, ...]
    moved_to: str | None = None
