"""The CRM's contacts, as far as a relay needs them: search and create. [D] unless marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

import phonenumbers
from flask import Response, g, request

from app.simulator.hubspot.bodies import Body, read
from app.simulator.hubspot.errors import ApiError, rate_limited
from app.simulator.hubspot.routing import CRM, Call, Router, created
from app.simulator.hubspot.state import Contact
from app.simulator.hubspot.views import present

READERS = frozenset({"crm.objects.contacts.read"})
WRITERS = frozenset({"crm.objects.contacts.write"})

MOST_GROUPS = 5
MOST_FILTERS = 6


class Filter(Body):
    """One condition. Only the operator that asks for the same value is played."""

    propertyName: str  # noqa: N815 - HubSpot's word
    operator: Literal["EQ"]
    value: str


class FilterGroup(Body):
    """Conditions that all have to hold."""

    filters: list[Filter]


class SearchRequest(Body):
    """Groups of which one has to hold."""

    filterGroups: list[FilterGroup]  # noqa: N815 - HubSpot's word
    properties: tuple[str, ...] = ()
    limit: int = 10


class CreateRequest(Body):
    """A new contact."""

    properties: dict[str, str]


def register(router: Router) -> None:
    """Add the endpoints."""
    router.add("POST", CRM, "/contacts/search", search, scopes=READERS)
    router.add("POST", CRM, "/contacts", create, scopes=WRITERS)


def search(call: Call) -> dict[str, Any]:
    """Contacts for which a group of conditions holds; new ones are found late, by a switch."""
    _charge(call)
    body = read(SearchRequest)
    if len(body.filterGroups) > MOST_GROUPS or any(len(one.filters) > MOST_FILTERS for one in body.filterGroups):
        raise ApiError(400, "Too many filters")
    seen_from = call.world.clock.now() - call.world.switches.contact_search_delay
    known = [one for one in call.portal.contacts.values() if one.created_at <= seen_from]
    found = [one for one in known if any(_holds(one, group) for group in body.filterGroups)]
    return {"total": len(found), "results": [_view(call, one, body.properties) for one in found[: body.limit]]}


def create(call: Call) -> Response:
    """A new contact; [C] one with the same e-mail address is named in the refusal."""
    given = read(CreateRequest).properties
    email = given.get("email", "").lower()
    taken = [one.id for one in call.portal.contacts.values() if email and one.email.lower() == email]
    if taken:
        raise ApiError(409, f"Contact already exists. Existing ID: {taken[0]}", category="CONFLICT")
    name = " ".join(filter(None, (given.get("firstname"), given.get("lastname"))))
    contact = Contact(call.world.ids.number(), name, email, given.get("phone", ""), created_at=call.world.clock.now())
    call.portal.contacts[contact.id] = contact
    return created(_view(call, contact, given), f"{request.path.rstrip('/')}/{contact.id}")


def _charge(call: Call) -> None:
    """Searches have a limit of their own, and answers without headers."""
    g.pop("rate_remaining", None)
    now, searches = call.world.clock.now(), call.portal.searches
    while searches and searches[0] <= now - 1.0:
        searches.popleft()
    if len(searches) >= call.world.switches.search_limit:
        raise rate_limited(call.world, "SECONDLY")
    searches.append(now)


def _holds(contact: Contact, group: FilterGroup) -> bool:
    return all(_PROPERTIES.get(one.propertyName, _nothing)(contact) == one.value for one in group.filters if one.value)


def _view(call: Call, contact: Contact, names: Iterable[str]) -> dict[str, Any]:
    clock = call.world.clock
    values = {name: _PROPERTIES.get(name, _nothing)(contact) or None for name in names}
    return {
        "id": contact.id,
        "properties": present({"hs_object_id": contact.id, **values}),
        "createdAt": clock.iso(contact.created_at),
        "updatedAt": clock.iso(contact.created_at),
        "archived": False,
    }


def _e164(contact: Contact) -> str:
    """[C] The calculated number exists where the country is known."""
    number = _parsed(contact)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if number else ""


def _searchable(contact: Contact) -> str:
    """The digits without the country; [C] of a number without one those that are there."""
    number = _parsed(contact)
    if number is not None:
        return str(phonenumbers.national_significant_number(number))
    return re.sub(r"\D", "", contact.phone).lstrip("0")


def _parsed(contact: Contact) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(contact.phone, None)
    except phonenumbers.NumberParseException:
        return None


def _nothing(_contact: Contact) -> str:
    return ""


_PROPERTIES: dict[str, Callable[[Contact], str]] = {
    "email": lambda contact: contact.email.lower(),
    "phone": lambda contact: contact.phone,
    "firstname": lambda contact: contact.name,
    "hs_calculated_phone_number": _e164,
    "hs_searchable_calculated_phone_number": _searchable,
}
