"""To forget a person: the content of a conversation is erased, its queued work cancelled.

Ids and verdicts stay, so that nothing of it is sent or published again when somebody repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app import logs
from app.domain.lane import LaneKey, LaneKind
from app.domain.message import Direction
from app.domain.status import Status
from app.relay.attachments.sweeping import sweep
from app.relay.services import Services
from app.relay.verdict import MAY_HAVE_ARRIVED
from app.storage import erasure, lanes, statuses
from app.storage.database import Connection
from app.storage.erasure import Cancelled, Conversation, Erased

#: Why a message ended whose conversation was erased.
REASON = "erased"
_NOT_SENT = "The conversation was erased before this message was sent."

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Forgotten:
    """What was erased, how many queued messages were cancelled, and the lanes to ring after the commit."""

    erased: Erased
    cancelled: int
    ring: tuple[int, ...]


def forget(services: Services, found: Sequence[Conversation]) -> Forgotten:
    """Erase conversations now, in a transaction of its own."""
    with services.database.write() as connection:
        done = erase(connection, found)
    sweep(services)  # a folder's files; what the database kept is gone already
    for lane_id in done.ring:
        services.doorbell.ring(lane_id)
    return done


def erase(connection: Connection, found: Sequence[Conversation]) -> Forgotten:
    """Erase conversations in the transaction of the caller. Lanes are locked before messages, as everywhere.

    A call that is under way goes on: its worker has the text in memory.
    """
    ids = [one.id for one in found]
    status_lanes = _status_lanes(connection, found)
    touched = lanes.touch(
        connection, {*erasure.lanes_of(connection, ids), *status_lanes.values()}, lanes.clock(connection)
    )
    cancelled = erasure.cancel(connection, ids, reason=REASON)
    done = erasure.erase(connection, ids)
    for one in cancelled:
        _tell(connection, one, status_lanes[one.thread_id])
    for conversation in found:
        log.info("conversation_erased", thread=conversation.id, account=conversation.account_id)
    return Forgotten(done, len(cancelled), tuple(one.id for one in touched if one.ring))


def _status_lanes(connection: Connection, found: Sequence[Conversation]) -> dict[str, int]:
    """Return the status lane of each thread, opened where there is none."""
    keys = {one.id: LaneKey(one.account_id, LaneKind.STATUS, one.conversation) for one in found}
    opened: dict[LaneKey, int] = {}
    for portal_id in sorted({one.portal_id for one in found}):
        mine = [keys[one.id] for one in found if one.portal_id == portal_id]
        opened |= lanes.open_lanes(connection, mine, portal_id)
    return {thread_id: opened[key] for thread_id, key in keys.items()}


def _tell(connection: Connection, one: Cancelled, lane_id: int) -> None:
    """Give an agent's message its verdict, where HubSpot still has it."""
    if one.direction is Direction.OUTBOUND:
        sentence = f"{_NOT_SENT} {MAY_HAVE_ARRIVED}" if one.called else _NOT_SENT
        statuses.want(connection, one.id, lane_id, Status.FAILED, sentence=sentence)
