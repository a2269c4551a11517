"""Echoes: what we sent or published comes back as an event, before the answer to our call or after it.

An event that may be our own waits while a call is under way in its thread, at most for a lease: no call lasts longer.
Then it is compared by id, and by text and time where an answer was lost or told no id. Ours is dropped, so that it
reaches neither the customer nor HubSpot a second time; what is left was written by somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from app import logs, metrics
from app.domain.message import Content, Direction, Kind, Message, Receipt
from app.domain.person import Person
from app.domain.status import Status
from app.relay import ending
from app.relay import receipts as matching
from app.relay.road import Park
from app.relay.services import Services
from app.storage import attempts, echoes, ids, messages, receipts, threads
from app.storage.accounts import AccountRow
from app.storage.database import Connection
from app.storage.echoes import Nameless
from app.storage.messages import Head

#: An event that waits for a call to end is looked at again after this (seconds).
_AGAIN = 0.5
#: The other side's clock and ours may be so far apart (seconds) when a text is compared.
_CLOCKS_APART = 120.0

_HINT = "This is a message of our own that came back; it was dropped."

log = logs.get_logger(__name__)


def is_known(connection: Connection, account: AccountRow, message: Message) -> bool:
    """Tell whether a message of our own side is one that we sent, as far as its id is known by now."""
    own = message.own and message.kind is Kind.MESSAGE
    return own and ids.is_ours(connection, account.id, message.conversation, message.service_id)


def customers(found: Iterable[Message]) -> dict[str, Person | None]:
    """Name the customer of each conversation, as far as the messages tell; who wrote last counts."""
    people: dict[str, Person | None] = {}
    for one in found:
        customer = one.customer if one.own else one.sender
        people[one.conversation] = customer or people.get(one.conversation)
    return people


def pass_over(message: Message) -> None:
    """Note that HubSpot tells of a message that its event itself calls ours: nothing of it is stored."""
    metrics.ECHOES.labels(source="hubspot").inc()
    log.info("own_publication_passed_over", hubspot=message.service_id)


def drop_from_service(services: Services, head: Head, account: AccountRow) -> Park | bool:
    """Drop a message of our own side if we sent it. False: a colleague wrote it; Park: nobody can tell yet."""
    plain = head.kind is Kind.MESSAGE and not head.content.is_placeholder
    if not head.own or not plain or head.thread_id is None:
        return False
    if _has_to_wait(services, head, Direction.OUTBOUND):
        return Park(_AGAIN)
    with services.database.write() as connection:
        thread = threads.get(connection, head.thread_id)
        if thread is not None and ids.is_ours(connection, account.id, thread.conversation, head.service_id):
            _drop(connection, head, account.connector)
            return True
        found = _same(head, echoes.nameless(connection, head.thread_id, Direction.OUTBOUND))
        if thread is None or found is None:
            return False
        ring = _name(connection, head, found, conversation=thread.conversation)
        _drop(connection, head, account.connector)
    for lane_id in ring:
        services.doorbell.ring(lane_id)
    matching.match_quietly(services, account.id, [head.service_id])
    return True


def drop_from_hubspot(services: Services, head: Head) -> Park | bool:
    """Drop an agent's message if it is one of our own side that we published. False: an agent wrote it."""
    if head.thread_id is None:
        return False
    with services.database.read() as connection:
        if not echoes.has_own(connection, head.thread_id):
            return False
    if _has_to_wait(services, head, Direction.INBOUND):
        return Park(_AGAIN)
    with services.database.read() as connection:
        if not echoes.is_published(connection, head.thread_id, head.service_id):
            found = _same(head, echoes.nameless(connection, head.thread_id, Direction.INBOUND))
            if found is None:
                return False
    with services.database.write() as connection:
        _drop(connection, head, "hubspot")
    return True


def _has_to_wait(services: Services, head: Head, road: Direction) -> bool:
    """Tell whether a call may still be under way that has made what came back."""
    if head.age >= services.settings.lease or head.thread_id is None:
        return False
    with services.database.read() as connection:
        return echoes.under_way(connection, head.thread_id, road)


def _same(head: Head, found: list[Nameless]) -> Nameless | None:
    """Return the oldest part that says the same at the same time."""
    return next((one for one in found if _says(head.content, one) and _is_near(head.sent_at, one)), None)


def _says(content: Content, part: Nameless) -> bool:
    text, sent = " ".join(content.text[: content.cut_at].split()), " ".join(part.content.text.split())
    alike = sent == text if content.cut_at is None else sent.startswith(text)
    return alike and (bool(text) or bool(content.attachments) == (part.content.attachment is not None))


def _is_near(at: float, part: Nameless) -> bool:
    called = part.begun_at - _CLOCKS_APART <= at <= part.ended_at + _CLOCKS_APART
    return called or abs(at - part.written_at) <= _CLOCKS_APART


def _drop(connection: Connection, head: Head, source: str) -> None:
    if messages.finish(connection, head.id, Status.CANCELLED, reason="echo", hint=_HINT):
        metrics.ECHOES.labels(source=source).inc()
        log.info("echo_dropped", message=head.id, source=source)


def _name(connection: Connection, head: Head, found: Nameless, *, conversation: str) -> list[int]:
    """Learn the id of a part whose answer was lost: it is sent, whatever was judged of it. Returns lanes to ring.

    A message that was called failed has arrived all the same: the service's own copy of it is as good as a receipt.
    """
    _, ring = ending.touch_status_lanes(connection, head.account_id, [head.thread_id], also=[found.lane_id])
    sent = messages.get(connection, found.message_id)
    part = next((one for one in sent.parts if one.id == found.part_id), None) if sent else None
    if sent is None or part is None:
        return ring
    ids.remember(connection, sent, part, conversation=conversation, ids=[head.service_id])
    log.info("lost_call_proven", message=sent.id, part=part.position, echo=head.id)
    if echoes.is_called(connection, sent.id):
        return ring  # again already; that call says what becomes of the part
    attempts.give_up(connection, sent, part_state="sent")
    echoes.mark_sent(connection, part.id)
    if any(one.id != part.id and one.state != "sent" for one in sent.parts):
        return ring
    if messages.status_of(connection, sent.id) is Status.FAILED:
        at = datetime.fromtimestamp(head.sent_at, UTC)
        proof = Receipt(service_id=head.service_id, status=Status.DELIVERED, at=at, conversation=conversation)
        receipts.store(connection, head.account_id, [proof])
        return ring
    return ring + ending.succeed(connection, sent)
