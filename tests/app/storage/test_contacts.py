from __future__ import annotations

import pytest

from app.domain.message import Direction
from app.domain.person import Identifier, IdentifierType, Person
from app.storage import contacts
from app.storage import tables as t
from app.storage.contacts import Acquaintance, ContactState
from tests.app.storage.rows import DANA, Rows

PHONE = Identifier(type=IdentifierType.PHONE, value="+491701234567")
OTHER = Identifier(type=IdentifierType.PHONE, value="+4930123456")
EMAIL = Identifier(type=IdentifierType.EMAIL, value="dana@example.com")


def vouch(rows: Rows, thread: str, *addresses: Identifier, person: Person = DANA) -> None:
    known = person.model_copy(update={"vouched": addresses})
    rows.write(contacts.vouch, rows.account, thread, known)


def get(rows: Rows, thread: str, person: str = "dana") -> Acquaintance:
    found = rows.read(contacts.get, thread, person)
    assert found is not None
    return found


def found(rows: Rows, thread: str, *addresses: Identifier) -> Acquaintance:
    """Somebody whose contact is known and was told."""
    vouch(rows, thread, *addresses)
    rows.write(contacts.settle, get(rows, thread), ContactState.FOUND, 55)
    rows.write(contacts.told, get(rows, thread), "h1")
    return get(rows, thread)


def test_nobody_is_known_for_whom_nobody_vouches(rows: Rows) -> None:
    thread = rows.thread("c1")
    vouch(rows, thread)
    assert rows.read(contacts.get, thread, "dana") is None


def test_addresses_come_one_after_the_other(rows: Rows) -> None:
    thread = rows.thread("c1")
    vouch(rows, thread, PHONE)
    vouch(rows, thread, EMAIL)
    vouch(rows, thread)
    known = get(rows, thread)
    assert (known.phone, known.email, known.state) == (PHONE.value, EMAIL.value, ContactState.NEW)
    assert known.age is None


@pytest.mark.parametrize(("second", "kept"), [(PHONE, True), (EMAIL, True), (OTHER, False)])
def test_a_contact_stays_unless_it_was_found_by_another_address(rows: Rows, second: Identifier, *, kept: bool) -> None:
    thread = rows.thread("c1")
    found(rows, thread, PHONE)
    vouch(rows, thread, second)
    known = get(rows, thread)
    expected = (ContactState.FOUND, 55, "h1") if kept else (ContactState.NEW, None, None)
    assert (known.state, known.contact_id, known.told_in) == expected


def test_an_answer_about_older_addresses_comes_too_late(rows: Rows) -> None:
    thread = rows.thread("c1")
    vouch(rows, thread, PHONE)
    asked = get(rows, thread)
    vouch(rows, thread, OTHER)
    assert not rows.write(contacts.settle, asked, ContactState.FOUND, 55)
    assert get(rows, thread).contact_id is None


def test_a_contact_is_forgotten_only_where_it_is_the_one_that_is_gone(rows: Rows) -> None:
    thread = rows.thread("c1")
    old = found(rows, thread, PHONE)
    rows.write(contacts.settle, old, ContactState.FOUND, 56)
    rows.write(contacts.forget, old)
    rows.write(contacts.told, old, "h9")
    assert (get(rows, thread).contact_id, get(rows, thread).told_in) == (56, None)
    rows.write(contacts.forget, get(rows, thread))
    assert (get(rows, thread).contact_id, get(rows, thread).state) == (None, ContactState.GONE)


def test_threads_are_found_by_what_is_vouched_for_in_their_account(rows: Rows) -> None:
    first, second = sorted((rows.thread("c1"), rows.thread("c2")))
    foreign = rows.thread("c1", account=rows.new_account())
    vouch(rows, first, PHONE)
    vouch(rows, second, PHONE, EMAIL)
    with rows.database.write() as connection:
        other = rows.row(t.threads, foreign).account_id
        contacts.vouch(connection, other, foreign, DANA.model_copy(update={"vouched": (EMAIL,)}))
    assert rows.read(contacts.threads_of, rows.account, PHONE) == [first, second]
    assert rows.read(contacts.threads_of, rows.account, EMAIL) == [second]
    assert rows.read(contacts.threads_of, rows.account, Identifier(value=PHONE.value)) == []


def test_who_writes_alone(rows: Rows) -> None:
    thread, lane = rows.thread("c1"), rows.lane()
    assert rows.read(contacts.is_alone, thread, "dana")
    rows.message(lane, direction=Direction.INBOUND, thread_id=thread, service_id="m2")
    rows.message(lane, thread_id=thread, service_id="m3", sender=Person(identifier=Identifier(value="A-1")))
    assert rows.read(contacts.is_alone, thread, "dana")
    assert not rows.read(contacts.is_alone, thread, "eve")


def test_a_message_that_goes_without(rows: Rows) -> None:
    thread = rows.thread("c1")
    vouch(rows, thread, PHONE)
    rows.write(contacts.go_without, get(rows, thread), 17)
    assert get(rows, thread).without == 17
