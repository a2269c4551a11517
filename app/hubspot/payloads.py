"""The JSON that HubSpot sends, read as tolerantly as its documentation and its real answers demand.

The documentation and reality differ (identifiers and statuses come as objects or as strings, ids as text or numbers,
lists and names go missing), so every field but the ids that we cannot do without has a default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.domain.person import Identifier, IdentifierType

#: HubSpot's words for the kinds of delivery identifier.
IDENTIFIER_TYPES: Final = {
    "HS_EMAIL_ADDRESS": IdentifierType.EMAIL,
    "HS_PHONE_NUMBER": IdentifierType.PHONE,
    "CHANNEL_SPECIFIC_OPAQUE_ID": IdentifierType.OPAQUE,
    "HS_SHORT_CODE": IdentifierType.SHORT_CODE,
}
IDENTIFIER_WORDS: Final = {type_: word for word, type_ in IDENTIFIER_TYPES.items()}

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: HubSpot's payloads nest about five deep; what is deeper is no payload and would exhaust the stack of a JSON writer.
_DEPTH = 64

#: What databases refuse inside text: NUL, and halves of surrogate pairs that JSON's escapes can spell.
_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def storable(value: Any, depth: int = _DEPTH) -> Any:
    """Return parsed JSON without what a database cannot keep.

    Raises:
        ValueError: it is nested too deeply.
    """
    if depth < 0:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return value.translate(_UNSTORABLE)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [storable(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {name.translate(_UNSTORABLE): storable(item, depth - 1) for name, item in value.items()}
    return value


def read_text(value: object) -> str:
    """Read a text or a number as text; anything else is no text."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def read_identifier(value: object) -> Identifier | None:
    """Read ``{type, value}`` or the bare value, which has no type and counts as opaque; None when it is empty."""
    kind, address = (value.get("type"), value.get("value")) if isinstance(value, Mapping) else (None, value)
    text = read_text(address)
    if not text.strip():
        return None
    return Identifier(type=IDENTIFIER_TYPES.get(read_text(kind), IdentifierType.OPAQUE), value=text)


def read_moment(value: object) -> datetime | None:
    """Read ISO 8601 (UTC where it names no zone) or milliseconds since the epoch; None when it is neither."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return EPOCH + timedelta(milliseconds=value)
        text = read_text(value).strip()
        if text.isdecimal():
            return EPOCH + timedelta(milliseconds=int(text))
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch, exactly."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def read_texts(value: object) -> list[str]:
    """Read a list of ids, or one id without a list."""
    items = value if isinstance(value, list) else [value]
    return [text for text in map(read_text, items) if text]


def read_objects(value: object) -> list[dict[str, Any]]:
    """Keep the objects of a list; one object without a list counts as a list of one."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def read_object(value: object) -> dict[str, Any]:
    """Keep an object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def read_flag(value: object) -> bool:
    """Read a switch; what is missing or odd is off."""
    return value is True


Flag = Annotated[bool, BeforeValidator(read_flag)]
Text = Annotated[str, BeforeValidator(read_text)]
Id = Annotated[str, BeforeValidator(read_text), Field(min_length=1, max_length=64)]
ShortId = Annotated[str, BeforeValidator(read_text), Field(min_length=1, max_length=32)]
OptionalId = Annotated[str, BeforeValidator(read_text), Field(max_length=64)]
Moment = Annotated[datetime | None, BeforeValidator(read_moment)]
Texts = Annotated[list[str], BeforeValidator(read_texts)]
Objects = Annotated[list[dict[str, Any]], BeforeValidator(read_objects)]
Object = Annotated[dict[str, Any], BeforeValidator(read_object)]
AnyIdentifier = Annotated[Identifier | None, BeforeValidator(read_identifier)]


class Payload(BaseModel):
    """Base of everything that HubSpot sends: unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Participant(Payload):
    """A sender or a recipient."""

    actor_id: Text = ""
    name: Text = ""
    delivery_identifier: AnyIdentifier = Field(
        default=None,
        # the second spelling stands in HubSpot's guide
        validation_alias=AliasChoices("deliveryIdentifier", "deliverIdentifier", "delivery_identifier"),
    )


class Client(Payload):
    """Who created a message."""

    integration_app_id: Text = ""


class MessageBody(Payload):
    """The ``message`` of an event."""

    id: Id
    channel_account_id: ShortId
    conversations_thread_id: OptionalId = ""
    created_at: Moment = None
    created_by: Text = ""
    senders: Annotated[list[Participant], BeforeValidator(read_objects)] = []
    recipients: Annotated[list[Participant], BeforeValidator(read_objects)] = []
    text: Text = ""
    rich_text: Text = ""
    in_reply_to_id: OptionalId = ""
    truncation_status: Text = ""
    attachments: Objects = []
    client: Annotated[Client, BeforeValidator(read_object)] = Client()


class MessageEvent(Payload):
    """OUTGOING_CHANNEL_MESSAGE_CREATED."""

    portal_id: int
    channel_id: ShortId
    event_timestamp: Moment = None
    channel_integration_thread_ids: Texts = []
    message: MessageBody


class AccountEventBody(Payload):
    """CHANNEL_ACCOUNT_CREATED, _UPDATED and _PURGED, which have the same fields."""

    portal_id: int
    channel_id: ShortId
    channel_account_id: ShortId
    event_timestamp: Moment = None
    channel_account_delivery_identifier: AnyIdentifier = None
