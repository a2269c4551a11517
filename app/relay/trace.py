"""One message's story for people: what happened when, and where it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from app.domain.account import RunState
from app.domain.conversation import Fact
from app.domain.lane import LaneKind
from app.domain.message import Direction, Kind
from app.domain.status import Status
from app.relay.replay import is_dropped
from app.relay.spans import distance, span
from app.storage.attempts import AttemptRow, Outcome, Purpose
from app.storage.trace import Facts, MediaState

#: A call that has an end has one of these words for it.
_ENDS = {
    Status.SENT: "sent",
    Status.DELIVERED: "sent and delivered",
    Status.READ: "sent and read",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}


@dataclass(frozen=True)
class Hop:
    """Something that happened to a message; ``at`` in seconds since 1970."""

    at: float
    step: str
    text: str


def hops(facts: Facts) -> list[Hop]:
    """Return what happened to a message, in order."""
    found = [*_arrival(facts), *_media(facts), *_attempts(facts), *_end(facts), *_reports(facts), *_conversation(facts)]
    return sorted(found, key=lambda hop: hop.at)


def _arrival(facts: Facts) -> Iterator[Hop]:
    message, lane, envelope = facts.message, facts.lane, facts.envelope
    if message.kind is not Kind.CONTROL:
        yield Hop(message.sent_at, "written", f"by {_author(facts)}")
    if envelope is not None:
        yield Hop(envelope.received_at, "received", f"envelope {envelope.id} from {envelope.source}")
    late = ", after later ones had gone" if message.late else ""
    follows = f", the file of message {message.follows}" if message.follows is not None else ""
    place = f"lane {lane.id} ({lane.kind} {lane.conversation})" if lane.conversation else f"lane {lane.id}"
    thread = f", thread {message.thread_id}" if message.thread_id else ""
    account = f"account {message.account_id} ({message.account})"
    yield Hop(
        message.accepted_at,
        "accepted",
        f"{message.direction} {message.kind} in {place}{thread}, {account}{late}{follows}",
    )


def _author(facts: Facts) -> str:
    if facts.message.own:
        return "a colleague, or us, at the service"
    return "the customer" if _is_inbound(facts) else "the agent"


def _media(facts: Facts) -> Iterator[Hop]:
    for one in facts.media:
        late = ", and follows its message" if one.late else ""
        yield Hop(one.created_at, "media", f"attachment {one.position + 1} is to be fetched{late}")
        if one.finished_at is not None:
            yield Hop(one.finished_at, "media", f"attachment {one.position + 1} {_media_end(one)}")


def _media_end(one: MediaState) -> str:
    tries = "" if one.attempts <= 1 else f" at attempt {one.attempts}"
    size = f", {one.size} bytes" if one.size is not None else ""
    if one.state != "ready":
        return f"failed{tries}: {one.hint}"
    return f"ready{tries}: {one.mime}{size}, {_media_place(one)}"


def _media_place(one: MediaState) -> str:
    """Say where the bytes are now."""
    if one.hubspot_file_id is not None:
        return f"HubSpot's file {one.hubspot_file_id}{', which was there already' if one.reused else ''}"
    return f"stored as {one.stored_id}" if one.stored_id is not None else "deleted since"


def _attempts(facts: Facts) -> Iterator[Hop]:
    calls = [one for one in facts.attempts if one.purpose is not Purpose.STATUS]
    for number, one in enumerate(calls, start=1):
        yield Hop(one.started_at, "attempt", f"{number}: {one.purpose} {_outcome(one)}, by {one.worker}{_words(one)}")
    for one in facts.attempts:
        if one.purpose is Purpose.STATUS:
            yield Hop(one.started_at, "status", f"told HubSpot {_outcome(one)}, by {one.worker}{_words(one)}")


def _outcome(one: AttemptRow) -> str:
    if one.outcome is Outcome.CALLING:
        return "under way"
    took = f" after {one.duration:.3f} s" if one.duration is not None else ""
    return f"{one.outcome}{f' {one.code}' if one.code else ''}{took}"


def _words(one: AttemptRow) -> str:
    return f": {one.detail}" if one.detail else ""


def _end(facts: Facts) -> Iterator[Hop]:
    message, dead = facts.message, facts.dead_letter
    if message.finished_at is not None:
        yield Hop(message.finished_at, "ended", _ended(facts))
    if dead is not None:
        yield Hop(dead.created_at, "dead", "became a dead letter")
        if dead.replayed_at is not None:
            what = "dropped" if is_dropped(message.status, dead.replayed_at) else "replayed"
            yield Hop(dead.replayed_at, what, f"an operator {what} it")


def _ended(facts: Facts) -> str:
    """Tell how the message ended; a later receipt has not changed that moment."""
    message = facts.message
    if message.status in {Status.FAILED, Status.CANCELLED}:
        return f"{message.status}: {_sentence(message.hint or message.reason)}"
    known = f", HubSpot's message {message.hubspot_id}" if message.hubspot_id and _is_inbound(facts) else ""
    return f"sent{known}"


def _reports(facts: Facts) -> Iterator[Hop]:
    for one in facts.receipts:
        reason = f": {one.reason}" if one.reason else ""
        waiting = "" if one.is_matched else " (not matched yet)"
        yield Hop(one.received_at, "receipt", f"the service reports {one.status}{reason}{waiting}")


def _conversation(facts: Facts) -> Iterator[Hop]:
    for one in facts.conversation:
        yield Hop(one.occurred_at, "conversation", f"{_CHANGES[one.name](one.value)} in HubSpot")
    if facts.message.erased_at is not None:
        yield Hop(facts.message.erased_at, "erased", "its content was erased")


#: How a fact about a conversation reads, by its value.
_CHANGES: Mapping[Fact, Callable[[str], str]] = {
    Fact.STATUS: lambda value: "closed" if value == "closed" else "opened",
    Fact.ASSIGNED: lambda value: f"assigned to {value}" if value else "assigned to nobody",
    Fact.ARCHIVED: lambda value: "archived" if value == "true" else "taken out of the archive",
    Fact.DELETED: lambda _value: "deleted",
    Fact.ERASED: lambda _value: "deleted for good, at a person's wish,",
}


def where_now(facts: Facts) -> str:
    """Return a sentence about where the message is and what it waits for."""
    if facts.message.status is not Status.PENDING:
        return _after_the_end(facts)
    found = (reason(facts) for reason in _REASONS)
    return f"Message {facts.message.id} {next(one for one in found if one)}"


def _after_the_end(facts: Facts) -> str:
    message, told, dead = facts.message, facts.told, facts.dead_letter
    begin = f"Message {message.id} is {_ENDS[message.status]}"
    if message.status is Status.FAILED and dead is not None:
        begin = f"Message {message.id} failed. {_sentence(message.hint or message.reason)}"
        if dead.replayed_at is not None:
            return f"{begin} An operator dropped it."
        return f"{begin} `relay dead-letters replay {message.id}` sends it again."
    if told is None or told.want is Status.PENDING:
        return f"{begin}."
    if told.told is told.want:
        return f"{begin}, and HubSpot knows."
    return f"{begin}; HubSpot has still to be told: its status lane waits for its turn."


def _paused(facts: Facts) -> str:
    """Say who has paused what the message needs. Account events pass every pause but the portal's."""
    account, portal = facts.account, facts.portal
    if portal is not None and portal.state is not RunState.RUNNING:
        return f"waits: portal {portal.id} is paused. {_sentence(portal.hint)} `relay portals resume {portal.id}`."
    if facts.lane.kind is LaneKind.CONTROL:
        return ""
    outbound = facts.lane.kind is LaneKind.OUTBOUND
    side = (account.service_state, account.service_hint) if outbound else (account.hubspot_state, account.hubspot_hint)
    for state, hint in ((account.state, account.hint), side):
        if state is not RunState.RUNNING:
            return f"waits: account {account.id} is {state}. {_sentence(hint)} `relay accounts resume {account.id}`."
    return ""


def _stopped(facts: Facts) -> str:
    """Say that everything that goes the same way fails, so that only a probe tries now and then."""
    breaker = facts.breaker
    if breaker is None or facts.lane.kind is LaneKind.CONTROL:
        return ""
    side = facts.account.connector if facts.lane.kind is LaneKind.OUTBOUND else "HubSpot"
    again = f"one message tries again {distance(max(breaker.probe_in or 0.0, 0.0))}"
    return f"waits: calls to {side} fail for all of account {facts.account.id}; {again}. {_sentence(breaker.hint)}"


def _held(facts: Facts) -> str:
    by = facts.lane.held_by
    if by is None:
        return ""
    return f"waits behind dead letter {by}, which holds its lane: `relay dead-letters replay {by}` or drop it."


def _called(facts: Facts) -> str:
    if not facts.message.is_called:
        return ""
    lease = facts.lane.lease_in
    if facts.lane.owner is None or lease is None or lease <= 0:
        return "was being sent when its worker fell silent: the next worker decides whether to send it again."
    return f"is being sent by {facts.lane.owner}, which has it for {span(lease)} more."


def _behind(facts: Facts) -> str:
    ahead = facts.lane.ahead
    if not ahead:
        return ""
    return f"waits behind {ahead} earlier in its lane, first message {facts.lane.head_id}: trace that one."


def _again(facts: Facts) -> str:
    at = facts.message.not_before
    if at is None or at <= facts.now:
        return ""
    return f"is tried again {distance(at - facts.now)}, attempt {facts.message.attempts + 1}. {_why(facts)}".rstrip()


def _media_missing(facts: Facts) -> str:
    missing = sum(one.state == "pending" for one in facts.media)
    return f"waits for {missing} of its attachments to be fetched." if missing else ""


def _owned(facts: Facts) -> str:
    lane = facts.lane
    if lane.owner is None or lane.lease_in is None or lane.lease_in <= 0:
        return ""
    return f"is next in its lane, which {lane.owner} drains now (for at most {span(lane.lease_in)})."


def _slot(facts: Facts) -> str:
    slot = facts.lane.slot_in
    return f"has its turn in the rate limit {distance(slot)}." if slot is not None and slot > 0 else ""


def _due(facts: Facts) -> str:
    due = facts.lane.due_in
    if due is None:
        return "stands in a lane that is not due: nothing will take it. Report this, and `relay messages replay` it."
    if due > 0:
        return f"waits: its lane is due {distance(due)}. {_why(facts)}".rstrip()
    rung = facts.lane.rung_in is not None and facts.lane.rung_in > 0
    state = "a worker was rung for it" if rung else "no worker was rung for it yet: does the scheduler run?"
    return f"is next; its lane is due since {span(due)}, {state}."


#: What keeps a message, the strongest reason first; the last one always has something to say.
_REASONS: tuple[Callable[[Facts], str], ...] = (
    *(_called, _paused, _held, _stopped, _behind),
    *(_again, _media_missing, _owned, _slot, _due),
)


def _why(facts: Facts) -> str:
    return _sentence(facts.message.hint) if facts.message.hint else ""


def _sentence(hint: str) -> str:
    return hint if hint.endswith((".", "!", "?")) else f"{hint or 'No reason is known'}."


def _is_inbound(facts: Facts) -> bool:
    return facts.message.direction is Direction.INBOUND
