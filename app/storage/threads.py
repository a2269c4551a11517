"""Threads: one conversation on one channel account, by our id, HubSpot's and the service's."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exists, func, or_, select, update

from app.domain.message import Direction
from app.domain.person import Person
from app.storage.clock import now
from app.storage.dialects import insert_or_ignore
from app.storage.tables import former_threads, lanes, messages, thread_aliases, threads
from app.storage.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection


@dataclass(frozen=True)
class Thread:
    """A conversation. ``person`` is the customer, as last seen."""

    id: str
    account_id: int
    conversation: str
    person: Person | None
    hubspot_thread_id: str | None


_COLUMNS = (threads.c.id, threads.c.account_id, threads.c.conversation, threads.c.person, threads.c.hubspot_thread_id)


_BY_ID = select(*_COLUMNS).where(threads.c.id == bindparam("id"))
_BY_CONVERSATION = select(*_COLUMNS).where(
    threads.c.account_id == bindparam("account"),
    threads.c.conversation.in_(bindparam("conversations", expanding=True)),
)
_NAME = update(threads).where(threads.c.id == bindparam("thread")).values(hubspot_thread_id=bindparam("hubspot"))
_NEWEST_ALIAS = (
    select(thread_aliases.c.integration_thread_id)
    .where(thread_aliases.c.thread_id == bindparam("thread"))
    .order_by(func.coalesce(thread_aliases.c.learned_at, 0.0).desc(), thread_aliases.c.integration_thread_id)
    .limit(1)
)


def _thread(row: Any) -> Thread:
    person = Person.model_validate(row.person) if row.person else None
    return Thread(row.id, row.account_id, row.conversation, person, row.hubspot_thread_id)


def get(connection: Connection, thread_id: str) -> Thread | None:
    """Return a thread."""
    row = connection.execute(_BY_ID, {"id": thread_id}).one_or_none()
    return _thread(row) if row else None


def open_threads(connection: Connection, account_id: int, people: Mapping[str, Person | None]) -> dict[str, Thread]:
    """Return the threads of conversations, opening those that are new, in one order everywhere.

    ``people`` maps each conversation to the customer who wrote; a thread remembers who wrote last.
    """
    found = _by_conversation(connection, account_id, people)
    missing = sorted(set(people) - set(found))
    opened = {one: thread for one in missing if (thread := _open(connection, account_id, one, people[one]))}
    if len(opened) < len(missing):  # somebody else was faster
        found |= _by_conversation(connection, account_id, set(missing) - set(opened))
    for conversation in sorted(found):
        _remember_person(connection, found[conversation], people[conversation])
    return found | opened


def _open(connection: Connection, account_id: int, conversation: str, person: Person | None) -> Thread | None:
    """Open a thread. None: it is here already."""
    given = {"id": str(uuid.uuid4()), "account_id": account_id, "conversation": conversation}
    given["person"] = _storable(person) if person else None
    row = connection.execute(_opening(connection.dialect.name), given).one_or_none()
    return _thread(row) if row else None


@cache
def _opening(dialect: str) -> Any:
    return insert_or_ignore(dialect, threads).values(opted_out=False, created_at=now()).returning(*_COLUMNS)


def _by_conversation(connection: Connection, account_id: int, conversations: Iterable[str]) -> dict[str, Thread]:
    rows = connection.execute(_BY_CONVERSATION, {"account": account_id, "conversations": sorted(conversations)})
    return {row.conversation: _thread(row) for row in rows}


def _remember_person(connection: Connection, thread: Thread, person: Person | None) -> None:
    if person is not None and person != thread.person:
        connection.execute(update(threads).where(threads.c.id == thread.id).values(person=_storable(person)))


def _storable(person: Person) -> Any:
    return storable(person.model_dump(mode="json"))


def by_integration_ids(connection: Connection, account_id: int, ours: Sequence[str]) -> list[Thread]:
    """Return the threads that HubSpot's integration thread ids name, in the order of the ids.

    These are our own ids, or aliases that HubSpot made up and that were learnt.
    """
    found = {one.id: one for one in _select(connection, account_id, threads.c.id.in_(ours))} if ours else {}
    others = [one for one in ours if one not in found]
    if others:
        named = thread_aliases.c.account_id == account_id, thread_aliases.c.integration_thread_id.in_(others)
        meant = select(thread_aliases.c.thread_id, thread_aliases.c.integration_thread_id).where(*named)
        alias_of = {row.thread_id: row.integration_thread_id for row in connection.execute(meant)}
        rest = _select(connection, account_id, threads.c.id.in_(alias_of))
        found |= {alias_of[one.id]: one for one in rest if one.id not in found}
    return [found[one] for one in ours if one in found]


def by_hubspot_id(connection: Connection, account_id: int, hubspot: str) -> list[Thread]:
    """Return the threads that HubSpot has in this one of its own; several after a merge, the oldest first."""
    return _select(connection, account_id, threads.c.hubspot_thread_id == hubspot) if hubspot else []


def by_person(connection: Connection, account_id: int, person: str) -> list[Thread]:
    """Return the threads of a person, by the value of the identifier: the conversation of this name first."""
    here = threads.c.person["identifier"]["value"].as_string() == person
    found = _select(connection, account_id, or_(threads.c.conversation == person, here)) if person else []
    return sorted(found, key=lambda one: one.conversation != person)


def concerns(connection: Connection, thread: Thread, person: str) -> bool:
    """Tell whether a person, by the value of the identifier, takes part in a thread."""
    if person in {thread.conversation, thread.person.identifier.value if thread.person else None}:
        return True
    wrote = messages.c.sender["identifier"]["value"].as_string() == person
    inbound = messages.c.direction == Direction.INBOUND.value
    return bool(connection.execute(select(exists().where(messages.c.thread_id == thread.id, inbound, wrote))).scalar())


def has_several(connection: Connection, thread_id: str) -> bool:
    """Tell whether more than one customer has written in a thread."""
    who = messages.c.sender["identifier"]["value"].as_string()
    theirs = (messages.c.direction == Direction.INBOUND.value, ~messages.c.own, messages.c.sender.is_not(None))
    query = select(who).where(messages.c.thread_id == thread_id, *theirs).distinct().limit(2)
    return len(connection.execute(query).all()) > 1


def _select(connection: Connection, account_id: int, where: ColumnElement[bool]) -> list[Thread]:
    query = select(*_COLUMNS).where(threads.c.account_id == account_id, where)
    return [_thread(row) for row in connection.execute(query.order_by(threads.c.created_at, threads.c.id))]


def learn(connection: Connection, thread: Thread, *, ours: Iterable[str], hubspot: str | None) -> None:
    """Remember HubSpot's ids of a thread; the newest of its own thread ids wins, because HubSpot may change it.

    ``ours``: integration thread ids that mean this thread and no other. Ids of our own threads are no aliases.
    The id that it had at HubSpot before is kept: events about that one are about this thread still.
    """
    for alias in sorted(set(ours)):
        if not connection.execute(select(exists().where(threads.c.id == alias))).scalar_one():
            row = {"account_id": thread.account_id, "integration_thread_id": alias, "thread_id": thread.id}
            connection.execute(
                insert_or_ignore(connection.dialect.name, thread_aliases).values(**row, learned_at=now())
            )
    if hubspot and hubspot != thread.hubspot_thread_id:
        if thread.hubspot_thread_id:
            former = {"thread_id": thread.id, "hubspot_thread_id": thread.hubspot_thread_id}
            connection.execute(insert_or_ignore(connection.dialect.name, former_threads).values(**former))
        connection.execute(_NAME, {"thread": thread.id, "hubspot": hubspot})


def newest_alias(connection: Connection, thread_id: str) -> str | None:
    """Return the integration thread id that HubSpot made up last for a thread, None where it told none."""
    return connection.execute(_NEWEST_ALIAS, {"thread": thread_id}).scalar_one_or_none()


def move(connection: Connection, account_id: int, old: str, new: str) -> None:
    """Give a conversation the new id that its service gave it. Nothing happens where the new one has its own thread."""
    taken = select(func.count()).where(threads.c.account_id == account_id, threads.c.conversation == new)
    if connection.execute(taken).scalar_one() == 0:
        where = (threads.c.account_id == account_id, threads.c.conversation == old)
        connection.execute(update(threads).where(*where).values(conversation=new))
        _move_lanes(connection, account_id, old, new)


def _move_lanes(connection: Connection, account_id: int, old: str, new: str) -> None:
    """Take the lanes along, so that what is pending there stays before what comes next."""
    there = select(lanes.c.kind).where(lanes.c.account_id == account_id, lanes.c.conversation == new)
    where = (lanes.c.account_id == account_id, lanes.c.conversation == old, lanes.c.kind.not_in(there))
    connection.execute(update(lanes).where(*where).values(conversation=new))


def set_opted_out(connection: Connection, account_id: int, conversation: str, *, opted_out: bool) -> None:
    """Remember whether the person lets us write."""
    where = (threads.c.account_id == account_id, threads.c.conversation == conversation)
    connection.execute(update(threads).where(*where).values(opted_out=opted_out))
