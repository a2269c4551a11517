"""Events that are stored: what an account does not show is left out, and an id that no table holds stays unopened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app import logs, metrics
from app.domain.message import Event, Message, Unopened
from app.storage.accounts import AccountRow
from app.storage.text import storable

#: An index of PostgreSQL holds about 2,700 bytes; no service's ids come near.
_LONGEST = 500
UNUSABLE: Final = f"An id is longer than {_LONGEST} characters, or holds some that no database takes."

log = logs.get_logger(__name__)


def is_usable(*ids: str) -> bool:
    """Tell whether tables can hold these ids as they are."""
    return all(len(one) <= _LONGEST and storable(one) == one for one in ids)


def with_usable_ids(event: Event) -> Event:
    """Return the event, or, where no table could hold its ids, why it stays unopened."""
    if isinstance(event, Unopened) or is_usable(*event.ids):
        return event
    return Unopened(reason=UNUSABLE)


def wanted(row: AccountRow, events: Iterable[Event]) -> list[Event]:
    """Return the events that an account shows its agents; what it does not show is not stored either."""
    found = list(events)
    kept = [one for one in found if not isinstance(one, Message) or row.options.relays(one.kind)]
    if len(kept) < len(found):
        metrics.SWITCHED_OFF.inc(len(found) - len(kept))
        log.info("events_switched_off", account=row.id, count=len(found) - len(kept))
    return kept
