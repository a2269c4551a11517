"""Sending a message once more, or giving it up, after a person has looked at it."""

from __future__ import annotations

from app import logs
from app.domain.message import Direction
from app.domain.status import Status
from app.errors import ConfigurationError
from app.relay.services import Services
from app.storage import dead_letters, lanes, messages, statuses
from app.storage.database import Connection
from app.storage.messages import Head

log = logs.get_logger(__name__)


class NotReplayable(ConfigurationError):
    """The message is not there, has not failed, or has no content any more."""


def replay(services: Services, message_id: int) -> None:
    """Put a message that failed back into its lane, in its old place.

    Parts that were sent stay sent. An agent's message gets a new deadline, and HubSpot hears what becomes of it.
    A lane that the message held goes on.

    Raises:
        NotReplayable: see there.
    """
    with services.database.write() as connection:
        head = _found(connection, message_id)
        lanes.wake(connection, head.lane_id)  # the lane is locked before the message, as everywhere
        outbound = head.direction is Direction.OUTBOUND
        if not messages.revive(connection, message_id, deadline=services.settings.deadline if outbound else None):
            raise NotReplayable(
                f"Message {message_id} has not failed, or was erased: `relay trace {message_id}` shows where it is."
            )
        if outbound:
            statuses.want_again(connection, message_id)
        dead_letters.replayed(connection, message_id)
        lanes.unhold(connection, message_id)
    services.doorbell.ring(head.lane_id)
    log.info("message_replayed", message=message_id, lane=head.lane_id)


def drop(services: Services, message_id: int) -> None:
    """Give a dead letter up: it stays failed, nobody is asked about it again, and a lane that it held goes on.

    Raises:
        NotReplayable: there is no such dead letter.
    """
    with services.database.write() as connection:
        head = _found(connection, message_id)
        if not dead_letters.is_waiting(connection, message_id):
            raise NotReplayable(f"Message {message_id} is no dead letter: `relay dead-letters list` shows them.")
        lanes.unhold(connection, message_id)
        dead_letters.replayed(connection, message_id)
    services.doorbell.ring(head.lane_id)
    log.info("dead_letter_dropped", message=message_id, lane=head.lane_id)


def is_dropped(status: Status, replayed_at: float | None) -> bool:
    """Tell whether a dead letter was given up: a replay that failed again makes it wait anew."""
    return replayed_at is not None and status in {Status.FAILED, Status.CANCELLED}


def _found(connection: Connection, message_id: int) -> Head:
    head = messages.get(connection, message_id)
    if head is None:
        raise NotReplayable(f"There is no message {message_id}: `relay messages list` shows those there are.")
    return head
