"""Which conversation an agent's message belongs to.

HubSpot names threads by our ids, or by those that it made up; by its own; and it names the recipient. After a merge one
of its threads stands for several conversations, and an agent who changes the channel within a conversation brings no id
of ours at all: then the recipient's address decides. A message never goes to somebody else than its recipient because
their threads were merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.connectors import registry
from app.connectors.base import Connector
from app.domain.address import address_of
from app.domain.person import Identifier, IdentifierType, Person
from app.errors import RecipientUnreachable
from app.hubspot.wire import Outgoing
from app.storage import contacts, threads
from app.storage.accounts import AccountRow
from app.storage.database import Connection
from app.storage.threads import Thread

#: Begins the conversation of an answer whose recipient HubSpot does not name.
_NOBODY: Final = "hubspot:"

_NAMES: Final = {
    IdentifierType.EMAIL: "an e-mail address",
    IdentifierType.PHONE: "a phone number",
    IdentifierType.SHORT_CODE: "a short code",
    IdentifierType.OPAQUE: "an id of another service",
}

Answer = tuple[AccountRow, Outgoing]


def find_threads(connection: Connection, answers: Sequence[Answer]) -> list[Thread]:
    """Find the threads that agents answer in; where none is known, open one by the recipient's address.

    Threads are opened and taught in one order, whatever order the answers have: others do so at the same time.
    """
    places: list[tuple[int, str]] = []
    found: dict[tuple[int, str], Thread] = {}
    new: dict[tuple[int, str], Person | None] = {}
    for row, one in answers:
        thread = _find(connection, row, one)
        place = (row.id, thread.conversation if thread else _conversation(one))
        places.append(place)
        if thread is not None:
            found[place] = thread
        else:
            new[place] = _person(one)
    for account_id in sorted({account for account, _ in new}):
        people = {name: person for (account, name), person in new.items() if account == account_id}
        opened = threads.open_threads(connection, account_id, people)
        found |= {(account_id, name): thread for name, thread in opened.items()}
    for at in sorted(range(len(places)), key=places.__getitem__):
        _learn(connection, answers[at], found[places[at]])
    return [found[place] for place in places]


def check(thread: Thread, connector: Connector) -> None:
    """Check that the service can reach the recipient of a thread that was opened by the address alone.

    Raises:
        RecipientUnreachable: code ``no_recipient``: HubSpot names none; ``other_address``: it is none of this service.
    """
    if thread.conversation.startswith(_NOBODY):
        hint = "HubSpot does not say to whom this goes: answer in a conversation that the customer began."
        raise RecipientUnreachable(hint, code="no_recipient")
    if _is_stranger(thread, connector) and thread.person is not None:
        kind = _NAMES[thread.person.identifier.type]
        raise RecipientUnreachable(
            f"{connector.title} cannot reach anyone by {kind}, and it tells no single customer here: the customer has "
            f"to write by {connector.title} first.",
            code="other_address",
        )


def _find(connection: Connection, row: AccountRow, one: Outgoing) -> Thread | None:
    """Look by HubSpot's integration thread ids, then by its own thread id, then by the recipient.

    Whatever names a thread, the recipient has to take part in it, or be unknown here; after a merge any id may be told.
    """
    named = threads.by_integration_ids(connection, row.id, one.thread_ids)
    is_ours, named = bool(named), named or threads.by_hubspot_id(connection, row.id, one.hubspot_thread_id)
    recipient = one.recipient
    if recipient is None:
        return named[0] if named else None
    for thread in named:
        if threads.concerns(connection, thread, recipient.value):
            return thread
    known = _by_recipient(connection, row, recipient)
    if known is not None or not named:
        return known
    # Our own id is believed. HubSpot's is shared by all who were merged: an address that we could write to is another
    # customer's, one of another kind may be the same one's.
    return named[0] if is_ours or not _is_known_to(registry.get(row.connector), recipient) else None


def _by_recipient(connection: Connection, row: AccountRow, recipient: Identifier) -> Thread | None:
    """Find a thread by the recipient: never a group that the person is in, never one of several customers."""
    connector = registry.get(row.connector)
    if _is_known_to(connector, recipient):
        for thread in threads.by_person(connection, row.id, recipient.value):
            if thread.conversation == recipient.value or not connector.is_group(thread.conversation):
                return thread
    address = address_of(recipient)
    vouched = contacts.threads_of(connection, row.id, address) if address else []
    return threads.get(connection, vouched[0]) if len(vouched) == 1 else None


def _learn(connection: Connection, answer: Answer, thread: Thread) -> None:
    """Remember HubSpot's ids, unless nobody can be reached there: the next message is looked for anew."""
    row, one = answer
    if thread.conversation.startswith(_NOBODY) or _is_stranger(thread, registry.get(row.connector)):
        return
    # Several ids are those of several conversations; which is whose is not said.
    ours = one.thread_ids if len(one.thread_ids) == 1 else ()
    threads.learn(connection, thread, ours=ours, hubspot=one.hubspot_thread_id)


def _is_stranger(thread: Thread, connector: Connector) -> bool:
    """Tell whether a thread was opened by an address that its service does not have."""
    opened_by = thread.person.identifier if thread.person else None
    return opened_by is not None and thread.conversation == opened_by.value and not _is_known_to(connector, opened_by)


def _is_known_to(connector: Connector, identifier: Identifier) -> bool:
    return identifier.type in connector.capabilities.identifiers


def _conversation(one: Outgoing) -> str:
    return one.recipient.value if one.recipient else f"{_NOBODY}{one.hubspot_thread_id}"


def _person(one: Outgoing) -> Person | None:
    return Person(identifier=one.recipient, name=one.recipient_name) if one.recipient else None
