"""What a request becomes in the database: messages in their lanes, receipts, notices, and what was not understood.

Runs in the transaction of its caller, in the one lock order: threads, lanes ascending by id, messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from app import logs
from app.connectors import registry
from app.connectors.base import Welcomes
from app.domain.lane import LaneKey, LaneKind
from app.domain.message import Content, Direction, Event, Kind, Message, Notice, NoticeKind, Receipt, Unopened
from app.domain.person import Person
from app.hubspot.wire import AccountEvent, Outgoing
from app.relay import albums, echoes, recipients, standing
from app.relay.usable import UNUSABLE, is_usable, wanted, with_usable_ids
from app.storage import (
    accounts,
    contacts,
    envelopes,
    erasure,
    lanes,
    media,
    messages,
    receipts,
    threads,
)
from app.storage.accounts import AccountRow
from app.storage.database import Connection
from app.storage.envelopes import Item
from app.storage.threads import Thread

#: The control event of an invitation; its content's ``conversation`` says where to.
WELCOME = "welcome"

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Entry:
    """One message on its way into a lane."""

    account: AccountRow
    lane: LaneKey
    thread_id: str | None
    conversation: str
    message: Message
    direction: Direction
    deadline: float | None = None


@dataclass
class Accepted:
    """What accept has stored, and what is to be done after the commit."""

    envelope: int | None
    ring: list[int] = field(default_factory=list)
    media: list[int] = field(default_factory=list)
    receipts: dict[int, list[str]] = field(default_factory=dict)
    #: Accounts that HubSpot has just given their ids; what waits for these can be opened.
    named: list[str] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    unopened: int = 0


def store_service_events(
    connection: Connection, row: AccountRow, events: Iterable[Event], envelope: envelopes.Stored
) -> Accepted:
    """Store what a service sent: messages into inbound lanes, receipts, notices, and what was not understood."""
    listed = [with_usable_ids(one) for one in wanted(row, events)]
    for notice in (one for one in listed if isinstance(one, Notice)):
        _take_notice(connection, row, notice)
    found = [one for one in listed if isinstance(one, Message) and not echoes.is_known(connection, row, one)]
    people = echoes.customers(found)
    opened = threads.open_threads(connection, row.id, people) if people else {}
    _vouch(connection, row, found, opened)
    entries = [_inbound(row, one, opened[one.conversation].id) for one in found]
    entries += [_welcome(row, one) for one in listed if isinstance(one, Notice) and _invites(row, one)]
    accepted = _store_entries(connection, entries, envelope)
    reported = [one for one in listed if isinstance(one, Receipt)]
    if reported:
        accepted.receipts[row.id] = receipts.store(connection, row.id, reported)
    odd = [(at, one) for at, one in enumerate(listed) if isinstance(one, Unopened)]
    keep_odd(connection, envelope, [Item(at, one.reason, one.raw) for at, one in odd], accepted)
    _empty_repeated(connection, accepted)
    return accepted


def store_hubspot_events(
    connection: Connection,
    events: Iterable[Outgoing | AccountEvent | Unopened],
    envelope: envelopes.Stored,
    *,
    deadline: float,
    app_id: str,
) -> Accepted:
    """Store what HubSpot sent: agents' messages into outbound lanes, account events into control lanes.

    ``deadline``: seconds within which an agent's message has to have its verdict. ``app_id`` is our own app: what it
    published has come from the service already.
    """
    known: list[tuple[AccountRow, Outgoing | AccountEvent]] = []
    odd: list[Item] = []
    named: list[str] = []
    for at, one in enumerate(events):
        if isinstance(one, Unopened):
            odd.append(Item(at, one.reason, one.raw))
            continue
        if not is_usable(*one.ids):
            odd.append(Item(at, UNUSABLE, None))
            continue
        if isinstance(one, Outgoing) and app_id and one.by_app_id == app_id:
            echoes.pass_over(one.message)
            continue
        row = accounts.by_hubspot(connection, one.portal_id, one.channel_id, one.account_id)
        whose = [row] if row is not None else []
        if row is None and isinstance(one, AccountEvent):
            adopted = standing.adopt(connection, one)
            named += [waits_for(one)] if adopted is not None else []
            whose = [adopted] if adopted is not None else standing.candidates(connection, one)
        known += [(each, one) for each in whose]
        if not whose:
            odd.append(Item(at, f"{type(one).__name__} for an account that is not known yet", None, waits_for(one)))
    found = iter(recipients.find_threads(connection, [(row, one) for row, one in known if isinstance(one, Outgoing)]))
    entries = [
        _control(row, one) if isinstance(one, AccountEvent) else _outbound(row, one, next(found), deadline=deadline)
        for row, one in known
    ]
    accepted = _store_entries(connection, entries, envelope)
    accepted.named = named
    keep_odd(connection, envelope, odd, accepted)
    _empty_repeated(connection, accepted)
    return accepted


def waits_for(event: Outgoing | AccountEvent) -> str:
    """Name the account that an event waits for."""
    return account_name(event.portal_id, event.channel_id, event.account_id)


def account_name(portal_id: int, channel_id: str, hubspot_id: str) -> str:
    """Name an account by HubSpot's ids."""
    return f"{portal_id}/{channel_id}/{hubspot_id}"


def _outbound(row: AccountRow, event: Outgoing, thread: Thread, *, deadline: float) -> Entry:
    """Make an agent's message one of its thread's lane."""
    lane = LaneKey(row.id, LaneKind.OUTBOUND, thread.conversation)
    return Entry(row, lane, thread.id, thread.conversation, event.message, Direction.OUTBOUND, deadline)


def _inbound(row: AccountRow, message: Message, thread_id: str) -> Entry:
    lane = LaneKey(row.id, LaneKind.INBOUND, message.conversation)
    return Entry(row, lane, thread_id, message.conversation, message, Direction.INBOUND)


def _vouch(connection: Connection, row: AccountRow, found: Iterable[Message], opened: Mapping[str, Thread]) -> None:
    """Remember by what customers can be recognised; a group is nobody's contact."""
    is_group = registry.get(row.connector).is_group
    vouched = [one for one in found if one.sender.vouched and not one.own and not is_group(one.conversation)]
    for one in sorted(vouched, key=lambda one: opened[one.conversation].id):
        contacts.vouch(connection, row.id, opened[one.conversation].id, one.sender)


def _invites(row: AccountRow, notice: Notice) -> bool:
    """Tell whether a notice asks us into a conversation that has to be joined."""
    return notice.kind is NoticeKind.OPTED_IN and isinstance(registry.get(row.connector), Welcomes)


def _welcome(row: AccountRow, notice: Notice) -> Entry:
    """Make an invitation a message of the account's control lane."""
    content = Content.model_validate({"event": WELCOME, "conversation": notice.conversation})
    order = round(notice.at.timestamp() * 1000)
    return _control_entry(row, content, service_id=notice.conversation, at=notice.at, revision=f"{WELCOME}:{order}")


def _control(row: AccountRow, event: AccountEvent) -> Entry:
    """Make an account event a message of the account's control lane."""
    identifier = event.identifier.model_dump(mode="json") if event.identifier else None
    content = Content.model_validate({"event": event.kind.value, "identifier": identifier})
    revision = f"{event.kind.value}:{event.order}"
    return _control_entry(row, content, service_id=event.account_id, at=event.at, revision=revision)


def store_account_word(connection: Connection, row: AccountRow, word: str, *, revision: str) -> list[int]:
    """Put a word of our own into an account's control lane, once for each revision. Returns lanes to ring."""
    at = lanes.clock(connection)
    content = Content.model_validate({"event": word})
    moment = datetime.fromtimestamp(at, UTC)
    entry = _control_entry(row, content, service_id=row.hubspot_id, at=moment, revision=f"{word}:{revision}")
    return _store_entries(connection, [entry], envelopes.Stored(None, at)).ring


def _control_entry(row: AccountRow, content: Content, *, service_id: str, at: datetime, revision: str) -> Entry:
    message = Message(
        conversation="",
        service_id=service_id,
        sender=Person(identifier=row.identifier),
        content=content,
        sent_at=at,
        order=round(at.timestamp() * 1000),
        kind=Kind.CONTROL,
        revision=revision,
    )
    return Entry(row, LaneKey(row.id, LaneKind.CONTROL), None, "", message, Direction.INBOUND)


def _store_entries(connection: Connection, entries: Sequence[Entry], envelope: envelopes.Stored) -> Accepted:
    accepted = Accepted(envelope.id)
    if not entries:
        return accepted
    ids: dict[LaneKey, int] = {}
    for portal_id in sorted({one.account.portal_id for one in entries}):
        mine = [one for one in entries if one.account.portal_id == portal_id]
        keys = [one.lane for one in mine]
        keys += [replace(key, kind=LaneKind.STATUS) for key in keys if key.kind is LaneKind.OUTBOUND]
        ids |= lanes.open_lanes(connection, keys, portal_id)
    touched = {one.id: one for one in lanes.touch(connection, [ids[one.lane] for one in entries], envelope.received_at)}
    for entry in entries:
        lane = touched[ids[entry.lane]]
        late = lane.passed is not None and entry.message.order < lane.passed
        _store_message(connection, entry, lane.id, envelope, late=late, accepted=accepted)
    accepted.ring += [one.id for one in touched.values() if one.ring]
    return accepted


def _store_message(
    connection: Connection,
    entry: Entry,
    lane_id: int,
    envelope: envelopes.Stored,
    *,
    late: bool,
    accepted: Accepted,
) -> None:
    message = entry.message
    new = messages.NewMessage(
        lane_id=lane_id,
        thread_id=entry.thread_id,
        direction=entry.direction,
        kind=message.kind,
        conversation=entry.conversation,
        service_id=message.service_id,
        revision=message.revision,
        order_key=message.order,
        sender=message.sender,
        content=message.content,
        sent_at=message.sent_at.timestamp(),
        late=late,
        deadline=entry.deadline,
        own=message.own,
    )
    if message.album:
        added = albums.add(connection, entry.account.id, new, album=message.album, envelope=envelope)
        accepted.messages += [added.message] if added else []
        accepted.media += added.media if added else []
        return
    stored = messages.insert_new(connection, entry.account.id, new, envelope_id=envelope.id, at=envelope.received_at)
    if stored is None:
        return
    accepted.messages.append(stored)
    if message.content.attachments and _prepares(entry):
        accepted.media += media.add(connection, stored, message.content.attachments)


def _prepares(entry: Entry) -> bool:
    """Tell whether attachments go as files: a service that takes none is given their names and addresses."""
    outbound = entry.direction is Direction.OUTBOUND
    return not outbound or bool(registry.get(entry.account.connector).capabilities.attachments)


def _take_notice(connection: Connection, row: AccountRow, notice: Notice) -> None:
    if notice.kind is NoticeKind.MOVED:
        threads.move(connection, row.id, notice.conversation, notice.detail)
    else:
        gone = notice.kind is NoticeKind.OPTED_OUT
        threads.set_opted_out(connection, row.id, notice.conversation, opted_out=gone)


def _empty_repeated(connection: Connection, accepted: Accepted) -> None:
    """Keep nothing of a request that brought nothing new: whoever is forgotten later would not be found in it."""
    if accepted.envelope is not None and not (accepted.messages or accepted.receipts or accepted.unopened):
        erasure.empty(connection, accepted.envelope)


def keep_odd(connection: Connection, envelope: envelopes.Stored, odd: list[Item], accepted: Accepted) -> None:
    """Keep what was not understood, with its reasons, for `relay envelopes open`."""
    if envelope.id is None:
        return
    envelopes.keep_unopened(connection, envelope.id, odd)
    accepted.unopened = len(odd)
    for item in odd:
        log.warning(
            "item_kept_unopened",
            envelope=envelope.id,
            reason=item.reason,
            hint=f"`relay envelopes open {envelope.id}` tries again after an upgrade or when the account is added",
        )
