"""The shapes that Matrix's events have in common.

Events: https://spec.matrix.org/latest/client-server-api/#events
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last millisecond that ``datetime`` can say.
_LAST_TIME = 253_402_300_799_999
#: Levels of JSON that are kept; Matrix's own events have fewer than ten.
_DEEPEST = 50


def _or_none(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    """Read an optional field; what is malformed counts as missing, because the rest can still be shown."""
    try:
        return read(value)
    except ValueError:
        return None


#: Longest id of any kind: https://spec.matrix.org/latest/appendices/#common-identifier-format
Id = Annotated[str, Field(min_length=1, max_length=255)]
#: Milliseconds since 1970.
Time = Annotated[int, Field(ge=0, le=_LAST_TIME)]
Lenient = WrapValidator(_or_none)


class Wire(BaseModel):
    """Base of everything that is read from a homeserver; fields that the relay does not read are left out."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class RoomEvent(Wire):
    """What every event of a room has. Only state events have a ``state_key``."""

    type: Id
    event_id: Id
    room_id: Id
    sender: Id
    origin_server_ts: Time
    content: dict[str, Any]
    state_key: str | None = None
    redacts: str | None = None
    unsigned: Annotated[dict[str, Any] | None, Lenient] = None

    @property
    def at(self) -> datetime:
        """When it happened, by the clock of the sender's homeserver."""
        return time(self.origin_server_ts)

    @property
    def previous(self) -> str:
        """Membership before this change; empty where the homeserver does not tell it."""
        content = (self.unsigned or {}).get("prev_content")
        found = content.get("membership") if isinstance(content, dict) else None
        return found if isinstance(found, str) else ""


def time(milliseconds: int) -> datetime:
    """Return a moment given in milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def storable(value: object, depth: int = _DEEPEST) -> object:
    """Replace what no database takes as text or JSON: NUL, halves of surrogate pairs, infinite numbers, endless depth.

    One event that is nested without end costs only itself: what is deeper than ``depth`` becomes null.
    """
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list | dict) and not depth:
        return None
    if isinstance(value, list):
        return [storable(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item, depth - 1) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
