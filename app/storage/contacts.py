"""Customers whose service vouches for a phone number or an e-mail address, and the CRM contacts that they are.

One row for each person of a thread. In a group each of them is somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, insert, select, update

from app.domain.message import Direction
from app.domain.person import Identifier, IdentifierType, Person
from app.storage.clock import now
from app.storage.tables import contacts, messages

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


class ContactState(StrEnum):
    """What is known of a customer's contact.

    ``MAKING``: one may have been made, so none is made again. ``GONE``: it was there and was deleted.
    """

    NEW = "new"
    FOUND = "found"
    NONE = "none"
    SEVERAL = "several"
    MAKING = "making"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True)
class Acquaintance:
    """A customer who can be recognised.

    ``age``: seconds since HubSpot was asked, None: never for these addresses. ``told_in``: HubSpot's thread in which
    it was told of the contact. ``without``: the message that goes without one, because HubSpot could not be asked.
    """

    thread_id: str
    person: str
    phone: str
    email: str
    state: ContactState
    contact_id: int | None
    told_in: str | None
    without: int | None
    age: float | None


_COLUMNS = (*(contacts.c[name] for name in Acquaintance.__dataclass_fields__ if name in contacts.c),)
_AGE = (now() - contacts.c.asked_at).label("age")
_BY_ADDRESS = {IdentifierType.PHONE: contacts.c.phone, IdentifierType.EMAIL: contacts.c.email}


def get(connection: Connection, thread_id: str, person: str) -> Acquaintance | None:
    """Return what is known of a person (the value of the identifier) in a thread."""
    row = connection.execute(select(*_COLUMNS, _AGE).where(_is(thread_id, person))).one_or_none()
    return _acquaintance(row) if row else None


def vouch(connection: Connection, account_id: int, thread_id: str, person: Person) -> None:
    """Remember the addresses that a person's service vouches for; a newer one takes an older one's place.

    A contact that was found stays unless the address is another one than it was found by.
    """
    given = {"phone": person.vouched_for(IdentifierType.PHONE), "email": person.vouched_for(IdentifierType.EMAIL)}
    given = {name: value for name, value in given.items() if value}
    known = get(connection, thread_id, person.identifier.value)
    if known is None and given:
        key = {"thread_id": thread_id, "person": person.identifier.value, "account_id": account_id}
        connection.execute(insert(contacts).values(**key, **given))
    elif known is not None:
        _add(connection, known, given)


def _add(connection: Connection, known: Acquaintance, given: dict[str, str]) -> None:
    changed = {name: value for name, value in given.items() if getattr(known, name) != value}
    if not changed:
        return
    values: dict[str, Any] = dict(changed)
    if known.state is not ContactState.FOUND or any(getattr(known, name) for name in changed):
        values |= {"state": ContactState.NEW.value, "contact_id": None, "told_in": None, "asked_at": None}
    connection.execute(update(contacts).where(_is(known.thread_id, known.person)).values(**values))


def threads_of(connection: Connection, account_id: int, address: Identifier) -> list[str]:
    """Return the threads of customers whose service vouches for a phone number or an e-mail address."""
    column = _BY_ADDRESS.get(address.type)
    if column is None:
        return []
    where = (contacts.c.account_id == account_id, column == address.value)
    return sorted(set(connection.execute(select(contacts.c.thread_id).where(*where)).scalars()))


def is_alone(connection: Connection, thread_id: str, person: str) -> bool:
    """Tell whether nobody else has written in a thread: a conversation of several people is no single contact's."""
    somebody_else = messages.c.sender["identifier"]["value"].as_string() != person
    inbound = messages.c.direction == Direction.INBOUND.value
    others = exists().where(messages.c.thread_id == thread_id, inbound, somebody_else)
    return not connection.execute(select(others)).scalar_one()


def settle(connection: Connection, known: Acquaintance, state: ContactState, contact_id: int | None = None) -> bool:
    """Store what HubSpot said of these addresses. False: the person has other ones meanwhile."""
    same = (
        contacts.c.phone.is_not_distinct_from(known.phone or None),
        contacts.c.email.is_not_distinct_from(known.email or None),
    )
    values = {"state": state.value, "contact_id": contact_id, "told_in": None, "asked_at": now()}
    statement = update(contacts).where(_is(known.thread_id, known.person), *same).values(**values)
    return connection.execute(statement).rowcount == 1


def go_without(connection: Connection, known: Acquaintance, message_id: int) -> None:
    """Let a message go without a contact; the next one asks again."""
    connection.execute(update(contacts).where(_is(known.thread_id, known.person)).values(without=message_id))


def told(connection: Connection, known: Acquaintance, hubspot_thread_id: str | None) -> None:
    """Remember where HubSpot was told of the contact."""
    where = and_(_is(known.thread_id, known.person), contacts.c.contact_id == known.contact_id)
    connection.execute(update(contacts).where(where).values(told_in=hubspot_thread_id))


def forget(connection: Connection, known: Acquaintance) -> None:
    """Forget a contact that HubSpot does not have any more."""
    where = and_(_is(known.thread_id, known.person), contacts.c.contact_id == known.contact_id)
    values = {"state": ContactState.GONE.value, "contact_id": None, "told_in": None, "asked_at": now()}
    connection.execute(update(contacts).where(where).values(**values))


def _is(thread_id: str, person: str) -> ColumnElement[bool]:
    return and_(contacts.c.thread_id == thread_id, contacts.c.person == person)


def _acquaintance(row: Any) -> Acquaintance:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values |= {"phone": row.phone or "", "email": row.email or "", "state": ContactState(row.state)}
    return Acquaintance(**values)
