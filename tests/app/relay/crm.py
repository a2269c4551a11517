"""Customers who can be recognised, and the CRM that knows them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.domain.account import ContactPolicy
from app.relay import contacts
from app.simulator import seed
from app.simulator.hubspot.state import Contact, Portal
from app.storage.tables import contacts as contact_table
from tests.app.relay.world import RelayWorld

PHONE = "+491701234567"
EMAIL = "dana@example.com"
BY_PHONE = [{"type": "phone", "value": PHONE}]
BY_EMAIL = [{"type": "email", "value": EMAIL}]


def portal(relay: RelayWorld) -> Portal:
    return relay.world.hubspot.portals[seed.PORTAL_ID]


def choose(relay: RelayWorld, policy: ContactPolicy) -> None:
    contacts.set_policy(relay.services, relay.account.id, policy)


def know(relay: RelayWorld, contact_id: str = "55", *, phone: str = PHONE, email: str = "") -> Contact:
    """The CRM has a contact."""
    contact = Contact(contact_id, "Dana Roe", email, phone)
    portal(relay).contacts[contact_id] = contact
    return contact


def writes(relay: RelayWorld, text: str = "Hello?", **more: object) -> Any:
    """The customer writes, recognised by a phone number unless told otherwise; returns the message at HubSpot."""
    given: dict[str, Any] = {"vouched": BY_PHONE, **more}
    relay.say(text, **given)
    relay.settle()
    return next(one for one in relay.inbox() if one.get("text") == text)


def contact_of(relay: RelayWorld, thread: str) -> str | None:
    """The contact that HubSpot shows beside a thread."""
    return relay.world.hubspot.threads[thread].contact_id


def rows(relay: RelayWorld) -> list[Any]:
    with relay.services.database.read() as connection:
        return list(connection.execute(select(contact_table)))


def calls(relay: RelayWorld, path: str) -> int:
    """How many calls of the relay went to an address with this in it."""
    return sum(path in one["path"] for one in relay.call("GET", "/_sim/calls"))
