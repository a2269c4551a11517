"""Files that were not there in time: their message went with a sentence, and they follow as messages of their own.

In the transaction that ends their preparation, so each is made once; the lane's row is the caller's already.
"""

from __future__ import annotations

from typing import Final

from app import logs
from app.domain.fit import missing_in_words
from app.domain.message import Content, Direction, Kind
from app.domain.status import Status
from app.relay import ending
from app.storage import lanes, media, messages, ordering, statuses, threads
from app.storage.database import Connection
from app.storage.media import Job
from app.storage.messages import Head, NewMessage

#: Stands in the place of a file that is not there yet.
FOLLOWS: Final = "it follows as soon as it can be fetched"

#: After these nobody waits for the file: the agent was told, or the conversation is gone.
_OVER: Final = frozenset({Status.FAILED, Status.CANCELLED})

log = logs.get_logger(__name__)


def send(connection: Connection, job: Job, *, deadline: float) -> None:
    """Put a file at the end of its lane that is there now; an agent's has ``deadline`` seconds for its way."""
    head = _waiting(connection, job)
    if head is None:
        return
    content = Content(attachments=(job.attachment,), reply_to=head.service_id)
    message_id = _add(connection, job, head, content, deadline=deadline)
    if message_id is not None:
        media.hand_over(connection, job, message_id)


def tell(connection: Connection, job: Job, *, hint: str) -> list[int]:
    """Say that a file never comes: HubSpot's agent is told by a message or by the status of theirs.

    Returns lanes to ring.
    """
    head = _waiting(connection, job)
    if head is None:
        return []
    missing = job.attachment.model_copy(update={"trouble": hint})
    if head.direction is Direction.INBOUND:
        content = Content(text=missing_in_words(missing), reply_to=head.service_id)
        _add(connection, job, head, content, deadline=None)
        return []
    lane_of, ring = ending.touch_status_lanes(connection, head.account_id, [head.thread_id])
    sentence = f"The text arrived, the file {missing.name or missing.kind.value} did not: {hint}."
    statuses.want(connection, head.id, lane_of[head.thread_id], Status.FAILED, sentence=sentence)
    return ring


def _waiting(connection: Connection, job: Job) -> Head | None:
    """Return the message that went without the file, unless it has failed itself."""
    if messages.status_of(connection, job.message_id) in _OVER:
        return None
    return messages.get(connection, job.message_id)


def _add(connection: Connection, job: Job, head: Head, content: Content, *, deadline: float | None) -> int | None:
    thread = threads.get(connection, head.thread_id) if head.thread_id else None
    now = lanes.clock(connection)
    new = NewMessage(
        lane_id=head.lane_id,
        thread_id=head.thread_id,
        direction=head.direction,
        kind=Kind.MESSAGE,
        conversation=thread.conversation if thread else "",
        service_id=f"{head.service_id}/file/{job.id}",
        revision="",
        order_key=ordering.last_order(connection, head.lane_id, head.order_key),
        sender=head.sender,
        content=content,
        sent_at=now,
        deadline=deadline if head.direction is Direction.OUTBOUND else None,
        own=head.own,
        follows=head.id,
    )
    message_id = messages.insert_new(connection, head.account_id, new, envelope_id=None, at=now)
    log.info("file_follows", message=message_id, follows=head.id)
    return message_id
