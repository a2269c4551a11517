"""What a messaging service can do, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.message import AttachmentKind
from app.domain.person import IdentifierType
from app.domain.status import Status


class LengthUnit(StrEnum):
    """What a service counts when it limits a text."""

    CHARACTERS = "characters"
    UTF16 = "utf16"
    BYTES = "bytes"
    #: Of SMS: see ``app.domain.length``.
    SEPTETS = "septets"


class RichTextDialect(StrEnum):
    """The mark-up that a service reads: each is a module of ``app.domain.rich_text``."""

    PLAIN = "plain"
    TELEGRAM = "telegram"
    MATRIX = "matrix"
    SLACK = "slack"
    WHATSAPP = "whatsapp"
    VIBER = "viber"


class UnknownOutcome(StrEnum):
    """What is done when a call's answer was lost and the service has no idempotency key."""

    LOOK_UP = "look_up"
    RESEND = "resend"
    HOLD = "hold"


class RateScope(StrEnum):
    """Whom a rate limit counts for."""

    ACCOUNT = "account"
    CONVERSATION = "conversation"
    #: A conversation of several people, where the connector can tell.
    GROUP = "group"


@dataclass(frozen=True)
class RateLimit:
    """At most ``count`` calls in ``seconds``."""

    scope: RateScope
    count: int
    seconds: float


@dataclass(frozen=True)
class Accepts:
    """Files of one kind that a service takes: their largest size (bytes), and their types.

    A file of another type is made into one of them where that can be done, and else sent as a file. No types: any.
    """

    size: int
    types: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Capabilities:
    """What one connector's service can do.

    ``attachments`` are the kinds of file that can be sent; ``captioned`` are those that take a
    text of ``caption_length`` with them, in the same message; a service that fetches files itself may do so for
    ``link_life`` seconds after it was told of them; ``places`` and ``cards``: it shows points on a map and
    contact cards; ``choices`` is how many buttons with answers a message
    can have, and ``choice_length`` how long their labels may be, in the text's unit; ``receipts`` are the statuses that
    the service reports; ``idempotent`` says that a repeated call with the same key does no harm, so that
    ``unknown_outcome`` is never asked.
    """

    text_length: int
    text_unit: LengthUnit = LengthUnit.CHARACTERS
    identifiers: frozenset[IdentifierType] = frozenset({IdentifierType.OPAQUE})
    attachments: dict[AttachmentKind, Accepts] = field(default_factory=dict)
    caption_length: int = 0
    captioned: frozenset[AttachmentKind] = frozenset({AttachmentKind.IMAGE, AttachmentKind.VIDEO, AttachmentKind.FILE})
    link_life: float = 86_400.0
    choices: int = 0
    choice_length: int = 20
    places: bool = False
    cards: bool = False
    rich_text: RichTextDialect = RichTextDialect.PLAIN
    replies: bool = False
    receipts: frozenset[Status] = frozenset()
    rates: tuple[RateLimit, ...] = ()
    idempotent: bool = False
    unknown_outcome: UnknownOutcome = UnknownOutcome.HOLD
