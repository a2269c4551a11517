"""Ids that no table could hold: an event that has one stays unopened."""

from __future__ import annotations

from typing import Final

from app.domain.message import Event, Unopened
from app.storage.text import storable

#: An index of PostgreSQL holds about 2,700 bytes; no service's ids come near.
_LONGEST = 500
UNUSABLE: Final = f"An id is longer than {_LONGEST} characters, or holds some that no database takes."


def is_usable(*ids: str) -> bool:
    """Tell whether tables can hold these ids as they are."""
    return all(len(one) <= _LONGEST and storable(one) == one for one in ids)


def with_usable_ids(event: Event) -> Event:
    """Return the event, or, where no table could hold its ids, why it stays unopened."""
    if isinstance(event, Unopened) or is_usable(*event.ids):
        return event
    return Unopened(reason=UNUSABLE)
