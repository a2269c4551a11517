"""What a messaging service can do, as data, and how a message is fitted into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.message import Attachment, AttachmentKind, Content
from app.domain.part import PartContent
from app.domain.person import IdentifierType
from app.domain.status import Status


class LengthUnit(StrEnum):
    """What a service counts when it limits a text."""

    CHARACTERS = "characters"
    UTF16 = "utf16"
    BYTES = "bytes"


class RichTextDialect(StrEnum):
    """The mark-up that a service reads."""

    PLAIN = "plain"
    TELEGRAM = "telegram"
    MATRIX = "matrix"


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
class Capabilities:
    """What one connector's service can do.

    ``attachments`` maps the kinds that can be sent to their largest size in bytes; ``receipts`` are the statuses that
    the service reports; ``idempotent`` says that a repeated call with the same key does no harm, so that
    ``unknown_outcome`` is never asked.
    """

    text_length: int
    text_unit: LengthUnit = LengthUnit.CHARACTERS
    identifiers: frozenset[IdentifierType] = frozenset({IdentifierType.OPAQUE})
    attachments: dict[AttachmentKind, int] = field(default_factory=dict)
    rich_text: RichTextDialect = RichTextDialect.PLAIN
    replies: bool = False
    receipts: frozenset[Status] = frozenset()
    rates: tuple[RateLimit, ...] = ()
    idempotent: bool = False
    unknown_outcome: UnknownOutcome = UnknownOutcome.HOLD


_MEASURES: dict[LengthUnit, Callable[[str], int]] = {
    LengthUnit.CHARACTERS: len,
    LengthUnit.UTF16: lambda text: len(text.encode("utf-16-le")) // 2,
    LengthUnit.BYTES: lambda text: len(text.encode("utf-8")),
}


def length(text: str, unit: LengthUnit) -> int:
    """Count a text in the service's own unit."""
    return _MEASURES[unit](text)


def fit(content: Content, capabilities: Capabilities) -> list[PartContent]:
    """Turn a message into the parts that the service can take, in their order.

    Text that is too long is cut at a paragraph, a line or a word where there is one. An attachment of a kind or size
    that the service cannot take becomes a line with its name and address. Never returns an empty list.
    """
    sendable = [one for one in content.attachments if _takes(capabilities, one)]
    lines = [content.text] if content.text.strip() else []
    lines += [_in_words(one) for one in content.attachments if one not in sendable]
    texts = list(split("\n".join(lines), capabilities.text_length, unit=capabilities.text_unit))
    html = content.html if len(texts) == 1 and texts[0] == content.text else None
    parts = [PartContent(text=text, html=html) for text in texts]
    parts += [PartContent(attachment=one) for one in sendable]
    if not parts:
        parts = [PartContent(text="(empty message)")]
    if capabilities.replies and content.reply_to:
        parts[0] = parts[0].model_copy(update={"reply_to": content.reply_to})
    return parts


def split(text: str, limit: int, *, unit: LengthUnit) -> Iterator[str]:
    """Cut a text into pieces of at most ``limit`` units, at the best place before the limit."""
    rest = text
    while length(rest, unit) > limit:
        end = _longest_prefix(rest, limit, unit)
        end = _good_cut(rest, end)
        yield rest[:end].rstrip()
        rest = rest[end:].lstrip()
    if rest.strip():
        yield rest


def _takes(capabilities: Capabilities, attachment: Attachment) -> bool:
    largest = capabilities.attachments.get(attachment.kind)
    return largest is not None and (attachment.size or 0) <= largest


def _in_words(attachment: Attachment) -> str:
    name = attachment.name or attachment.kind.value
    return f"[{name}] {attachment.source}" if attachment.source.startswith("https://") else f"[{name}]"


def _longest_prefix(text: str, limit: int, unit: LengthUnit) -> int:
    """Number of characters of the longest beginning that fits; at least one, so that cutting always ends."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if length(text[:middle], unit) <= limit else (low, middle - 1)
    return low


def _good_cut(text: str, end: int) -> int:
    """Move a cut back to a paragraph, a line or a word, unless that would waste more than half of the piece."""
    for mark in ("\n\n", "\n", " "):
        at = text.rfind(mark, 0, end)
        if at > end // 2:
            return at + len(mark)
    return end
