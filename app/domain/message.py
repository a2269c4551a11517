"""What people write to one another, in our closed vocabulary.

A webhook is parsed into a list of ``Event``: a ``Message``, a ``Receipt`` about a message that we sent, a ``Notice``
about the conversation, or an ``Unopened`` item that this release does not understand and keeps.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.domain.person import Person
from app.domain.status import Status

#: Version of stored content. Readers keep fields that they do not know, so that old and new processes can mix.
CONTENT_VERSION = 1


class Stored(BaseModel):
    """Base of everything that is stored as JSON: frozen, and unknown fields of a newer release are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Direction(StrEnum):
    """Inbound goes to HubSpot, outbound to the customer."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Kind(StrEnum):
    """What an event is. Part of a message's identity: an edit of a message is a message of its own."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETION = "deletion"
    REACTION = "reaction"
    CONTROL = "control"


class AttachmentKind(StrEnum):
    """What an attachment is for the reader."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    STICKER = "sticker"
    FILE = "file"


class Attachment(Stored):
    """Something in a message that has bytes.

    ``source`` is what the connector needs to fetch them: an address, or the service's own id. Never shown to people,
    because a service's address may hold a token.
    """

    kind: AttachmentKind
    source: str
    name: str = ""
    mime: str = ""
    size: int | None = Field(default=None, description="Bytes, as the service says.")
    media: int | None = Field(default=None, description="The row of its bytes, once they are prepared for a service.")
    trouble: str = Field(default="", description="Why it is not there: stands in its place.")


class Choice(Stored):
    """An answer that the reader can pick; with ``url``, a link that they can open instead."""

    label: str
    url: str = ""


class Place(Stored):
    """A point on the map, in degrees (WGS 84)."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    name: str = ""
    address: str = ""


class Card(Stored):
    """Somebody's contact card. Phone numbers as they are written, links with their scheme, addresses in one line."""

    name: str = ""
    organisation: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Content(Stored):
    """What a message says. Texts are plain; ``html`` is the same text with formatting, where there was any.

    ``album``: the service's messages that it was made of.
    """

    version: int = CONTENT_VERSION
    text: str = ""
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    places: tuple[Place, ...] = ()
    cards: tuple[Card, ...] = ()
    choices: tuple[Choice, ...] = ()
    album: tuple[AlbumItem, ...] = ()
    reply_to: str | None = Field(default=None, description="Id of the quoted message, on the side it comes from.")
    is_placeholder: bool = Field(default=False, description="Stands where another message could not be shown.")
    is_withdrawn: bool = Field(default=False, description="Of a reaction: it was taken back.")
    cut_at: int | None = Field(default=None, description="Here the text was cut on its way; the whole is fetched.")


class AlbumItem(Stored):
    """One message of several that its sender chose to send together. ``order`` is that message's order key."""

    order: int
    service_id: str
    content: Content

    def place(self) -> tuple[int, str]:
        """Return by what the items of an album are sorted."""
        return self.order, self.service_id


Content.model_rebuild()  # its items are made of it


class Message(Stored):
    """One message of a conversation.

    ``conversation`` and ``service_id`` are the sending side's own ids; ``sent_at`` is the beginning of 1970 where the
    service tells no time. ``order`` is the event's own time in
    milliseconds or its sequence, never that of a message it refers to; ``revision`` tells an edit's or reaction's
    event from its neighbours.

    ``album``: the service's id of what its sender chose to send together, where it comes as several messages.

    ``own``: somebody on our side wrote it, a colleague in the service's own app or the relay itself; the relay finds
    out which. ``sender`` is then that colleague, and ``customer`` to whom it went, where the service tells.
    """

    conversation: str
    service_id: str
    sender: Person
    content: Content
    sent_at: datetime
    order: int
    kind: Kind = Kind.MESSAGE
    revision: str = ""
    own: bool = False
    customer: Person | None = None
    album: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id in it, as the sending side spells it."""
        return (self.conversation, self.service_id, self.revision, self.album)


class Receipt(Stored):
    """What a service reports about a message that we sent.

    ``covers_earlier``: everything that we sent before it in the conversation has at least this status too.
    """

    service_id: str
    status: Status
    at: datetime
    conversation: str = ""
    reason: str = Field(default="", description="For a failure: a sentence the agent can act on.")
    covers_earlier: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id in it, as the service spells it."""
        return (self.conversation, self.service_id)


class NoticeKind(StrEnum):
    """Facts about a conversation or an account that are not messages."""

    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    MOVED = "moved"


class Notice(Stored):
    """A service tells that something about a conversation changed. ``MOVED``: ``detail`` is its new id."""

    kind: NoticeKind
    conversation: str
    at: datetime
    detail: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id in it, as the service spells it."""
        return (self.conversation, self.detail)


class Unopened(Stored):
    """An item that this release does not understand: kept with its reason, opened after an upgrade."""

    reason: str
    raw: Any = None


Event = Message | Receipt | Notice | Unopened
