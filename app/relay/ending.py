"""How messages end: sent, failed or at their deadline, each in one transaction with what follows from it.

Lanes are locked before messages, ascending, as everywhere. Every function returns the lanes to ring after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable

from app import metrics
from app.domain.account import DeadLetterPolicy
from app.domain.lane import LaneKey, LaneKind
from app.domain.message import Attachment, Content, Direction, Kind
from app.domain.status import Status
from app.relay.verdict import MAY_HAVE_ARRIVED
from app.storage import attempts, dead_letters, deadlines, lanes, messages, removals, statuses, threads
from app.storage.accounts import AccountRow
from app.storage.database import Connection
from app.storage.messages import Head
from app.storage.parts import PartRow


def touch_status_lanes(
    connection: Connection, account_id: int, thread_ids: Iterable[str | None], also: Iterable[int] = ()
) -> tuple[dict[str | None, int], list[int]]:
    """Make the status lanes of threads due, and the lanes ``also``, in one statement.

    Returns the status lane of each thread, and the lanes to ring.
    """
    keys = {one: _status_key(connection, account_id, one) for one in thread_ids}
    if not keys:
        return {}, []
    ids = lanes.open_lanes(connection, keys.values(), lanes.portal_of(connection, account_id))
    touched = lanes.touch(connection, {*ids.values(), *also}, lanes.clock(connection))
    return {one: ids[key] for one, key in keys.items()}, [one.id for one in touched if one.ring]


def _status_key(connection: Connection, account_id: int, thread_id: str | None) -> LaneKey:
    thread = threads.get(connection, thread_id) if thread_id else None
    return LaneKey(account_id, LaneKind.STATUS, thread.conversation if thread else "")


def succeed(connection: Connection, head: Head) -> list[int]:
    """End a message whose parts are all sent."""
    ring: list[int] = []
    if head.direction is Direction.OUTBOUND:
        lane_of, ring = touch_status_lanes(connection, head.account_id, [head.thread_id])
        if messages.finish(connection, head.id, Status.SENT):
            statuses.want(connection, head.id, lane_of[head.thread_id], Status.SENT)
    else:
        messages.finish(connection, head.id, Status.SENT)
    metrics.MESSAGES.labels(direction=head.direction.value, status=Status.SENT.value).inc()
    return ring


def fail(
    connection: Connection, account: AccountRow, head: Head, *, reason: str, hint: str, detail: str = ""
) -> list[int]:
    """End a message as failed: a dead letter, and HubSpot is told the sentence.

    By the account's policy the lane then waits for a person, or goes on; what a customer wrote leaves a placeholder.
    """
    hint = _with_part(head, hint)
    holds = account.dead_letters is DeadLetterPolicy.HOLD
    outbound = head.direction is Direction.OUTBOUND
    status_lane, ring = _touch_both(connection, head) if outbound else (None, [])
    if holds:
        lanes.hold(connection, head.lane_id, head.id)
    if not messages.finish(connection, head.id, Status.FAILED, reason=reason, hint=hint):
        return ring
    if status_lane is not None:
        statuses.want(connection, head.id, status_lane, Status.FAILED, sentence=hint)
    _bury(connection, account, head, reason=reason, hint=hint, detail=detail)
    if head.direction is Direction.INBOUND and not holds:
        _leave_placeholder(connection, head)
    return ring


def expire(connection: Connection, account: AccountRow, head: Head, *, reason: str, hint: str) -> list[int]:
    """End a message at its deadline, unless a call holds it or it ended meanwhile. Its lane goes on.

    A call whose worker died is judged with it: while the account is paused nobody claims the lane to do so.
    """
    hint = _with_part(head, hint)
    touched = _touch_both(connection, head)
    if not deadlines.fail(connection, head.id, reason=reason, hint=hint):
        return []
    attempts.give_up(connection, head, part_state="unknown")
    lanes.wake(connection, head.lane_id)  # it may have waited for this message's next try, which never comes
    statuses.want(connection, head.id, touched[0], Status.FAILED, sentence=hint)
    _bury(connection, account, head, reason=reason, hint=hint)
    return touched[1]


def _with_part(head: Head, hint: str) -> str:
    """Say which part of a message it was, where it has several: those before it were sent, those after it are not."""
    failed = next((part for part in head.parts if part.state != "sent"), None)
    if failed is None:
        return hint
    if failed.content.attachment is not None and head.direction is Direction.OUTBOUND:
        return f"{_of_file(head, failed, failed.content.attachment)}: {hint}"
    return f"Part {failed.position + 1} of {len(head.parts)}: {hint}" if len(head.parts) > 1 else hint


def _of_file(head: Head, failed: PartRow, file: Attachment) -> str:
    """Say that a file did not arrive, and what did."""
    name = file.name or file.kind.value
    arrived = any(part.state == "sent" and part.content.text for part in head.parts)
    what = f"the file {name} did not" if arrived else f"The file {name} did not arrive"
    rest = ", nor did what comes after it" if failed is not head.parts[-1] else ""
    return f"The text arrived, {what}{rest}" if arrived else f"{what}{rest}"


def cancel(connection: Connection, account: AccountRow, head: Head, *, grace: float) -> list[int] | None:
    """End a message of an account that was removed ``grace`` seconds ago; agents are told of theirs.

    None: a call holds it, it has ended, or the account came back meanwhile.
    """
    outbound = head.direction is Direction.OUTBOUND
    status_lane, ring = _touch_both(connection, head) if outbound else (None, [])
    if not removals.cancel(connection, head.id, grace=grace, hint=account.hint):
        return None
    attempts.give_up(connection, head, part_state="unknown")
    if status_lane is not None:
        statuses.want(connection, head.id, status_lane, Status.FAILED, sentence=f"{_how_far(head)} {account.hint}")
    metrics.MESSAGES.labels(direction=head.direction.value, status=Status.CANCELLED.value).inc()
    return ring


def _how_far(head: Head) -> str:
    if head.calling is not None or any(part.state == "unknown" for part in head.parts):
        return MAY_HAVE_ARRIVED
    begun = any(part.state == "sent" for part in head.parts)
    return "Only a part of this message was sent." if begun else "This message was not sent."


def _touch_both(connection: Connection, head: Head) -> tuple[int, list[int]]:
    """Touch the message's own lane and its status lane. Returns the latter, and lanes to ring."""
    lane_of, ring = touch_status_lanes(connection, head.account_id, [head.thread_id], also=[head.lane_id])
    return lane_of[head.thread_id], ring


def _bury(connection: Connection, account: AccountRow, head: Head, *, reason: str, hint: str, detail: str = "") -> None:
    dead_letters.bury(connection, head.id, account.id, reason=reason, hint=hint, detail=detail)
    metrics.DEAD_LETTERS.labels(connector=account.connector, reason=reason).inc()
    metrics.MESSAGES.labels(direction=head.direction.value, status=Status.FAILED.value).inc()


def _leave_placeholder(connection: Connection, head: Head) -> None:
    """Tell the agent that something was here. A placeholder that fails leaves none of its own."""
    if head.kind is Kind.CONTROL or head.content.is_placeholder:
        return
    thread = threads.get(connection, head.thread_id) if head.thread_id else None
    text = f"[A message could not be shown here. Ask your administrator for relay message {head.id}.]"
    placeholder = messages.NewMessage(
        lane_id=head.lane_id,
        thread_id=head.thread_id,
        direction=head.direction,
        kind=head.kind,
        conversation=thread.conversation if thread else "",
        service_id=head.service_id,
        revision=f"{messages.PLACEHOLDER}{head.id}",
        order_key=head.order_key,
        sender=head.sender,
        content=Content(text=text, is_placeholder=True),
        sent_at=head.sent_at,
        own=head.own,
    )
    messages.insert_new(connection, head.account_id, placeholder, envelope_id=None, at=lanes.clock(connection))
