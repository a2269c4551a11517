"""Step 5, who the customer is in the CRM: by a phone number or an e-mail address that the service itself vouches for.

The account's policy decides. Exactly one contact that has the address is associated with the conversation; among
several none is chosen, nobody is recognised by a name, and a conversation of several people is no single contact's. A
look-up that fails keeps no message back: it goes without, and the next one asks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from app import logs, metrics
from app.domain.account import ContactPolicy
from app.errors import OutcomeUnknown, RateLimited, Rejected, RelayError
from app.hubspot.contacts import Contact
from app.limiter import Horizon
from app.relay import pace, tokens
from app.relay.accounts import known as known_account
from app.relay.road import Park, Question
from app.relay.services import Services
from app.storage import accounts, contacts
from app.storage.accounts import AccountRow
from app.storage.contacts import Acquaintance, ContactState
from app.storage.database import Connection
from app.storage.messages import Head

#: Seconds after which HubSpot is asked again, by what it said last. A contact that was found stays; one that may have
#: been made is found late; one that was deleted was deleted for a reason.
_AGAIN: Final = {
    ContactState.NONE: 3_600.0,
    ContactState.SEVERAL: 3_600.0,
    ContactState.REFUSED: 3_600.0,
    ContactState.MAKING: 60.0,
    ContactState.GONE: 86_400.0,
}
#: A contact is made only so soon (seconds) after none was found: somebody else may have made it since.
_FRESH: Final = 60.0
#: What is only too early is tried again while the message is so young, if the wait is short (seconds).
_PATIENCE: Final = 30.0
_SHORT: Final = 2.0

_SEVERAL = "several contacts have this customer's phone number or e-mail address: merge them in HubSpot"

log = logs.get_logger(__name__)


def set_policy(services: Services, account_id: int, policy: ContactPolicy) -> None:
    """Choose what is done from now on with an account's customers whose service vouches for an address.

    Raises:
        ConfigurationError: there is no such account.
    """
    with services.database.write() as connection:
        known_account(connection, account_id)
        accounts.set_contacts(connection, account_id, policy)
    log.info("contact_policy_changed", account=account_id, policy=policy.value)


def question(services: Services, head: Head, account: AccountRow) -> Question | None:
    """Return what HubSpot has to be asked about the customer of a message, None: nothing."""
    if account.contacts is ContactPolicy.OFF:
        return None
    with services.database.read() as connection:
        known = _known(connection, head, account)
    if known is None or known.without == head.id:
        return None
    if _makes(known, account.contacts):
        slot = partial(pace.portal, services, account.portal_id, horizon=Horizon.MESSAGES)
        return Question(slot, partial(_make, services, head, account, known))
    if _searches(known, account.contacts):
        return Question(
            partial(pace.search, services, account.portal_id), partial(_find, services, head, account, known)
        )
    return None


def to_tell(
    connection: Connection, head: Head, account: AccountRow, hubspot_thread_id: str | None
) -> Acquaintance | None:
    """Return the customer whose contact HubSpot has to be told with this message, None: nothing is to be told.

    Once for each of HubSpot's threads: an agent may link another contact afterwards, and is right.
    """
    known = _known(connection, head, account)
    if known is None or known.contact_id is None or (known.told_in and known.told_in == hubspot_thread_id):
        return None
    return known


def _known(connection: Connection, head: Head, account: AccountRow) -> Acquaintance | None:
    if account.contacts is ContactPolicy.OFF or head.sender is None or head.thread_id is None:
        return None
    known = contacts.get(connection, head.thread_id, head.sender.identifier.value)
    if known is None or not contacts.is_alone(connection, known.thread_id, known.person):
        return None
    return known


def _searches(known: Acquaintance, policy: ContactPolicy) -> bool:
    if known.state is ContactState.FOUND:
        return False
    if known.age is None or (known.state is ContactState.NONE and policy is ContactPolicy.CREATE):
        return True
    return known.age > _AGAIN.get(known.state, 0.0)


def _makes(known: Acquaintance, policy: ContactPolicy) -> bool:
    is_fresh = known.age is not None and known.age <= _FRESH
    return policy is ContactPolicy.CREATE and known.state is ContactState.NONE and is_fresh


def _find(services: Services, head: Head, account: AccountRow, known: Acquaintance) -> Park | None:
    client = tokens.client(services, account.portal_id)
    try:
        found = client.contacts.search(phone=known.phone, email=known.email)
    except RelayError as error:
        return _failed(services, head, known, error)
    state, contact_id = _choose(known, found)
    if state is ContactState.SEVERAL and known.state is not ContactState.SEVERAL:
        log.warning("contact_ambiguous", thread=known.thread_id, contacts=[one.id for one in found], hint=_SEVERAL)
    _settle(services, known, state, contact_id)
    return None


def _choose(known: Acquaintance, found: Sequence[Contact]) -> tuple[ContactState, int | None]:
    """Choose the one contact. What only looks alike (a number without its country) is no contact, but none is made."""
    if len(found) > 1:
        return ContactState.SEVERAL, None
    if found and found[0].has(phone=known.phone, email=known.email):
        return ContactState.FOUND, found[0].id
    if found:
        return ContactState.SEVERAL, None
    made_before = known.state in {ContactState.MAKING, ContactState.GONE}
    return known.state if made_before else ContactState.NONE, None


def _make(services: Services, head: Head, account: AccountRow, known: Acquaintance) -> Park | None:
    """Make a contact, at most once: that it may have been made is stored before the call."""
    with services.database.write() as connection:
        if not contacts.settle(connection, known, ContactState.MAKING):
            return None
    name = head.sender.name if head.sender else ""
    client = tokens.client(services, account.portal_id)
    try:
        contact_id = client.contacts.create(phone=known.phone, email=known.email, name=name)
    except RelayError as error:
        if not isinstance(error, OutcomeUnknown):
            with services.database.write() as connection:
                contacts.settle(connection, known, ContactState.NONE)
        return _failed(services, head, known, error)
    log.info("contact_made", thread=known.thread_id, contact=contact_id)
    _settle(services, known, ContactState.FOUND, contact_id)
    return None


def _settle(services: Services, known: Acquaintance, state: ContactState, contact_id: int | None) -> None:
    with services.database.write() as connection:
        contacts.settle(connection, known, state, contact_id)
    metrics.CONTACTS.labels(outcome=state.value).inc()


def _failed(services: Services, head: Head, known: Acquaintance, error: RelayError) -> Park | None:
    """Wait where it was only too early; else let the message go without. What is refused is not asked each time."""
    wait = error.retry_after if isinstance(error, RateLimited) else None
    if wait is not None and wait <= _SHORT and head.age < _PATIENCE:
        return Park(wait)
    with services.database.write() as connection:
        if isinstance(error, Rejected) or error.reason == "missing_scopes":
            contacts.settle(connection, known, ContactState.REFUSED)
        contacts.go_without(connection, known, head.id)
    metrics.CONTACTS.labels(outcome="failed").inc()
    log.warning("contact_not_looked_up", thread=known.thread_id, code=error.reason, hint=error.hint)
    return None
