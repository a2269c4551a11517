"""What HubSpot tells of conversations, by its own id of the thread: known here or not, early or late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, or_, select

from app.domain.conversation import Fact
from app.storage.clock import now
from app.storage.dialects import upsert
from app.storage.tables import accounts, conversation_states, former_threads, threads

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


@dataclass(frozen=True)
class State:
    """The newest that is known of one fact. Times are seconds since 1970; ``occurred_at`` is HubSpot's own."""

    portal_id: int
    hubspot_thread_id: str
    name: Fact
    value: str
    occurred_at: float


def remember(connection: Connection, state: State) -> bool:
    """Keep a state. False: the same or a newer one is known already."""
    columns = {"value": state.value, "occurred_at": state.occurred_at, "received_at": now()}
    key = {"portal_id": state.portal_id, "hubspot_thread_id": state.hubspot_thread_id, "name": state.name.value}
    statement = upsert(connection.dialect.name, conversation_states).values(**key, **columns)
    newer = conversation_states.c.occurred_at < state.occurred_at
    statement = statement.on_conflict_do_update(index_elements=list(key), set_=columns, where=newer)
    return connection.execute(statement.returning(conversation_states.c.name)).first() is not None


def threads_of(connection: Connection, portal_id: int, hubspot_thread_id: str) -> list[str]:
    """Return our threads that HubSpot has, or once had, under this id: several after a merge."""
    query = (
        select(threads.c.id)
        .join(accounts, accounts.c.id == threads.c.account_id)
        .where(accounts.c.portal_id == portal_id, _called(hubspot_thread_id))
        .order_by(threads.c.id)
    )
    return list(connection.execute(query).scalars())


def of_thread(connection: Connection, thread_id: str) -> list[State]:
    """Return what is known of a thread, in the order in which it happened."""
    columns = [conversation_states.c[name] for name in State.__dataclass_fields__]
    query = (
        select(*columns)
        .join(accounts, accounts.c.portal_id == conversation_states.c.portal_id)
        .join(threads, threads.c.account_id == accounts.c.id)
        .where(threads.c.id == thread_id, _called(conversation_states.c.hubspot_thread_id))
        .order_by(conversation_states.c.occurred_at)
    )
    rows = connection.execute(query)
    return [State(row.portal_id, row.hubspot_thread_id, Fact(row.name), row.value, row.occurred_at) for row in rows]


def forget_strangers(connection: Connection, *, age: float) -> int:
    """Drop what was told ``age`` seconds ago of conversations that are none of ours."""
    ours = (
        select(threads.c.id)
        .join(accounts, accounts.c.id == threads.c.account_id)
        .where(accounts.c.portal_id == conversation_states.c.portal_id)
        .where(_called(conversation_states.c.hubspot_thread_id))
        .correlate(conversation_states)
    )
    old = conversation_states.c.received_at < now() - age
    return connection.execute(delete(conversation_states).where(old, ~exists(ours))).rowcount


def _called(hubspot_thread_id: str | ColumnElement[str]) -> ColumnElement[bool]:
    """Tell in SQL whether a thread has this id at HubSpot, or had it before HubSpot gave it another one."""
    former = exists().where(
        former_threads.c.thread_id == threads.c.id, former_threads.c.hubspot_thread_id == hubspot_thread_id
    )
    return or_(threads.c.hubspot_thread_id == hubspot_thread_id, former)
