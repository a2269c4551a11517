"""A transaction of a homeserver: a batch of events of rooms, and of receipts that pass by.

https://spec.matrix.org/latest/application-service-api/#pushing-events
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import Field, ValidationError

from app.connectors.matrix.credentials import MatrixCredentials
from app.connectors.matrix.events import read_event
from app.connectors.matrix.wire import Id, Time, Wire, storable, time
from app.domain.message import Event, Receipt, Unopened
from app.domain.status import Status

#: Where servers before version 1.13 of the specification put receipts.
OLD_EPHEMERAL = "de.sorunome.msc2409.ephemeral"


class _Seen(Wire):
    ts: Time


class _SeenBy(Wire):
    read: dict[Id, _Seen] = Field(default_factory=dict, alias="m.read")


class _ReceiptEdu(Wire):
    room_id: Id
    content: dict[Id, _SeenBy]


def read_transaction(body: object, ours: MatrixCredentials) -> list[Event]:
    """Read everything in a transaction; what has an unknown shape becomes ``Unopened``, its neighbours stay."""
    body = storable(body)
    if not isinstance(body, dict):
        return [Unopened(reason="A Matrix transaction that is not an object.", raw=body)]
    ephemeral = body["ephemeral"] if "ephemeral" in body else body.get(OLD_EPHEMERAL, [])
    return [*_each(body.get("events", []), ours, read_event), *_each(ephemeral, ours, _receipts)]


def read_events(events: object, ours: MatrixCredentials) -> list[Event]:
    """Read events of rooms, as ``read_transaction`` does."""
    return list(_each(storable(events), ours, read_event))


def event_ids(body: object) -> list[str]:
    """Return the ids of a transaction's events, as far as they are there."""
    events = body.get("events") if isinstance(body, dict) else None
    found = [event.get("event_id") for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    return [one for one in found if isinstance(one, str)]


_Reader = Callable[[object, MatrixCredentials], Iterator[Event]]


def _each(items: object, ours: MatrixCredentials, read: _Reader) -> Iterator[Event]:
    if not isinstance(items, list):
        yield Unopened(reason="A list of Matrix events that is not a list.", raw=items)
        return
    for item in items:
        try:
            yield from list(read(item, ours))
        except ValidationError as error:
            where = ".".join(str(step) for step in error.errors()[0]["loc"])
            yield Unopened(reason=f"A Matrix event without the documented shape, at {where or 'its top'}.", raw=item)


def _receipts(raw: object, ours: MatrixCredentials) -> Iterator[Event]:
    """Read who has seen what. Typing and presence are left out; reading a message means reading all before it."""
    if not isinstance(raw, dict) or raw.get("type") != "m.receipt":
        return
    edu = _ReceiptEdu.model_validate(raw)
    for event_id, seen in edu.content.items():
        for user, mark in seen.read.items():
            if not ours.owns(user) and not ours.has_colleague(user):
                yield Receipt(
                    service_id=event_id,
                    status=Status.READ,
                    at=time(mark.ts),
                    conversation=edu.room_id,
                    covers_earlier=True,
                )
