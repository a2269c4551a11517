"""Erasing what people said, while ids and verdicts stay: what is known by its id is never sent or published again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, delete, exists, func, or_, select, union, update

from app.domain.message import Attachment, AttachmentKind, Content, Direction
from app.domain.part import PartContent
from app.domain.person import Person
from app.domain.status import Status
from app.storage import stored_media
from app.storage.clock import now
from app.storage.tables import (
    accounts,
    album_items,
    attempts,
    contacts,
    dead_letters,
    envelopes,
    former_threads,
    lanes,
    media,
    messages,
    parts,
    receipts,
    statuses,
    thread_aliases,
    threads,
    unopened,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection, Select, Update

_NO_CONTENT = Content().model_dump(mode="json", exclude_none=True)
_NO_PART = PartContent().model_dump(mode="json", exclude_none=True)
_NO_ATTACHMENT = Attachment(kind=AttachmentKind.FILE, source="").model_dump(mode="json")


@dataclass(frozen=True)
class Conversation:
    """A thread that is erased, with what is needed to lock its lanes."""

    id: str
    account_id: int
    portal_id: int
    conversation: str


@dataclass(frozen=True)
class Cancelled:
    """A message that was not to be sent any more. ``called``: it may have arrived all the same."""

    id: int
    thread_id: str
    direction: Direction
    called: bool


def conversations(connection: Connection, thread_ids: Collection[str]) -> list[Conversation]:
    """Return threads by our ids, in one order everywhere."""
    query = _CONVERSATIONS.where(threads.c.id.in_(thread_ids)).order_by(threads.c.id)
    return [Conversation(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - public in SQLAlchemy


def search(connection: Connection, wanted: str, *, account_id: int | None) -> list[Conversation]:
    """Return the threads that an id of a conversation, on any side, or a person's identifier belongs to."""
    aliases = select(thread_aliases.c.thread_id).where(thread_aliases.c.integration_thread_id == wanted)
    named = (threads.c.id, threads.c.hubspot_thread_id, threads.c.conversation)
    person = threads.c.person["identifier"]["value"].as_string() == wanted
    former = select(former_threads.c.thread_id).where(former_threads.c.hubspot_thread_id == wanted)
    vouched = select(contacts.c.thread_id).where(or_(contacts.c.phone == wanted, contacts.c.email == wanted))
    others = threads.c.id.in_(union(aliases, former, vouched))
    query = _CONVERSATIONS.where(or_(*(one == wanted for one in named), others, person))
    if account_id is not None:
        query = query.where(threads.c.account_id == account_id)
    rows = connection.execute(query.order_by(threads.c.id))
    return [Conversation(**row._mapping) for row in rows]  # noqa: SLF001 - likewise


_CONVERSATIONS: Select[tuple[str, int, int, str]] = select(
    threads.c.id, threads.c.account_id, accounts.c.portal_id, threads.c.conversation
).join(accounts, accounts.c.id == threads.c.account_id)


def lanes_of(connection: Connection, thread_ids: Collection[str]) -> list[int]:
    """Return the lanes in which messages of threads stand."""
    return list(connection.execute(select(messages.c.lane_id).where(_in(thread_ids)).distinct()).scalars())


def cancel(connection: Connection, thread_ids: Collection[str], *, reason: str) -> list[Cancelled]:
    """End what threads still have queued, and let lanes go on that their dead letters held."""
    pending = (_in(thread_ids), messages.c.status == Status.PENDING.value)
    query = select(messages.c.id, messages.c.thread_id, messages.c.direction, messages.c.calling, messages.c.own)
    rows = connection.execute(query.where(*pending).order_by(messages.c.id)).all()
    ended = {"status": Status.CANCELLED.value, "reason": reason, "finished_at": now(), "not_before": None}
    connection.execute(update(messages).where(*pending).values(**ended))
    held = lanes.c.held_by.in_(_ids(thread_ids))
    connection.execute(update(lanes).where(held).values(held_by=None, due=now(), wake=lanes.c.wake + 1))
    return [Cancelled(row.id, row.thread_id, Direction(row.direction), row.calling is not None) for row in rows]


@dataclass(frozen=True)
class Erased:
    """How many rows lost their content, and the files that HubSpot keeps."""

    messages: int
    envelopes: int
    unopened: int
    files: tuple[str, ...]


def erase(connection: Connection, thread_ids: Collection[str]) -> Erased:
    """Erase everything that threads hold in words. Erasing twice changes nothing.

    A request may hold other people's messages beside theirs: these are stored by themselves and stay, but what was not
    understood in such a request goes with it, because nobody can tell whose it is.
    """
    of_it = _ids(thread_ids)
    found = _files(connection, of_it)
    stored_media.let_go(connection, media.c.message_id.in_(of_it))
    requests = union(
        select(messages.c.envelope_id).where(_in(thread_ids), messages.c.envelope_id.is_not(None)),
        select(album_items.c.envelope_id).where(
            album_items.c.message_id.in_(of_it), album_items.c.envelope_id.is_not(None)
        ),
    )
    dropped = connection.execute(delete(unopened).where(unopened.c.envelope_id.in_(requests))).rowcount
    full = func.length(envelopes.c.body) > 0
    emptied = connection.execute(_emptied().where(envelopes.c.id.in_(requests), full)).rowcount
    for statement in _words(of_it):
        connection.execute(statement)
    gone = {"content": _NO_CONTENT, "sender": None, "hint": "", "erased_at": now()}
    erased = connection.execute(update(messages).where(_in(thread_ids), messages.c.erased_at.is_(None)).values(**gone))
    connection.execute(delete(contacts).where(contacts.c.thread_id.in_(thread_ids)))
    _forget_names(connection, thread_ids)
    return Erased(erased.rowcount, emptied, dropped, found)


def _files(connection: Connection, of_it: Select[tuple[int]]) -> tuple[str, ...]:
    """Return the files that HubSpot keeps, without those that stand in other people's messages as well."""
    theirs = (media.c.message_id.in_(of_it), media.c.hubspot_file_id.is_not(None))
    rows = connection.execute(
        select(media.c.hubspot_file_id, media.c.sameness).where(*theirs).order_by(media.c.id)
    ).all()
    same = (media.c.sameness.in_({row.sameness for row in rows} - {""}), ~media.c.message_id.in_(of_it))
    shared = set(connection.execute(select(media.c.hubspot_file_id).where(*same)).scalars())
    return tuple(dict.fromkeys(row.hubspot_file_id for row in rows if row.hubspot_file_id not in shared))


def empty(connection: Connection, envelope_id: int) -> None:
    """Drop what a request said that brought nothing new: nothing hangs on it by which it would be found again."""
    used = or_(*(exists().where(table.c.envelope_id == envelope_id) for table in (messages, album_items)))
    connection.execute(_emptied().where(envelopes.c.id == envelope_id, ~used))


def _emptied() -> Update:
    return update(envelopes).values(body=b"", headers={}, query="", url="")


def _words(of_it: Select[tuple[int]]) -> Sequence[Update]:
    """Return what takes the words out of everything that hangs on messages."""
    told = statuses.c.want <= statuses.c.told
    attachment = {"attachment": _NO_ATTACHMENT, "name": "", "hint": "", "owner": None, "lease": None, "due": None}
    attachment |= {"stored_id": None, "sameness": ""}
    ended = case((media.c.state == "pending", "failed"), else_=media.c.state)
    dead = {"hint": "", "detail": "", "replayed_at": func.coalesce(dead_letters.c.replayed_at, now())}
    return (
        update(parts).where(parts.c.message_id.in_(of_it)).values(content=_NO_PART),
        update(media).where(media.c.message_id.in_(of_it)).values(**attachment, state=ended),
        update(attempts).where(attempts.c.message_id.in_(of_it)).values(detail=""),
        update(receipts).where(receipts.c.message_id.in_(of_it)).values(reason=""),
        update(statuses).where(statuses.c.message_id.in_(of_it), told).values(sentence=""),
        update(dead_letters).where(dead_letters.c.message_id.in_(of_it)).values(**dead),
    )


def _forget_names(connection: Connection, thread_ids: Collection[str]) -> None:
    """Keep of a person what the conversation is known by, and nothing else."""
    query = select(threads.c.id, threads.c.person).where(threads.c.id.in_(thread_ids)).order_by(threads.c.id)
    for row in connection.execute(query).all():
        if row.person:
            bare = Person(identifier=Person.model_validate(row.person).identifier).model_dump(mode="json")
            connection.execute(update(threads).where(threads.c.id == row.id).values(person=bare))


def _ids(thread_ids: Collection[str]) -> Select[tuple[int]]:
    return select(messages.c.id).where(_in(thread_ids))


def _in(thread_ids: Collection[str]) -> ColumnElement[bool]:
    return messages.c.thread_id.in_(thread_ids)
