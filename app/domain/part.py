"""Parts: the calls that one message becomes."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.message import Attachment, Choice, Stored


class PartContent(Stored):
    """One of the service's messages, as it is stored before the first part is sent.

    ``text`` is written in the service's dialect. Where the service takes formatting beside it, ``html`` is the same
    text in HubSpot's HTML, from which the connector makes what it sends. With an attachment, it is its caption.
    """

    text: str = ""
    html: str | None = None
    attachment: Attachment | None = None
    choices: tuple[Choice, ...] = ()
    reply_to: str | None = None
    #: When the message was written, as the other side is told; None: when it was.
    at: float | None = None


@dataclass(frozen=True)
class Part:
    """One call to a service.

    ``key`` is the same at every try: services with idempotency get it. ``conversation`` is the service's own id.
    """

    conversation: str
    content: PartContent
    key: str


@dataclass(frozen=True)
class Sent:
    """What a service answered: the ids it gave, and the conversation's new id where it moved."""

    ids: tuple[str, ...]
    moved_to: str | None = None
