"""Text that every database takes."""

from __future__ import annotations

import json
from typing import Any

#: PostgreSQL refuses these in text and JSON: NUL, and halves of surrogate pairs, which JSON can spell.
_REFUSED = {0: None} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
#: Characters of an odd item that are kept beside its envelope, which has all of it.
_GLIMPSE = 2_000


def storable(value: Any) -> Any:
    """Return the same JSON with characters left out that a database refuses."""
    if isinstance(value, str):
        return value.translate(_REFUSED)
    if isinstance(value, dict):
        return {storable(key): storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value


def glimpse(value: object) -> str:
    """Return the beginning of something odd as ASCII, whatever it is."""
    try:
        return json.dumps(value, default=str)[:_GLIMPSE]
    except (RecursionError, TypeError, ValueError):
        return "(nested too deep to be shown)"
