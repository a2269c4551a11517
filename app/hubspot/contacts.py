"""Contacts of HubSpot's CRM: found by a phone number or an e-mail address, or made with them.

https://developers.hubspot.com/docs/guides/api/crm/search - phone numbers are searched by calculated properties that
hold the digits without the country, so that what is found still has to be compared. New contacts are found late.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

from app.domain.address import email, national, phone
from app.errors import HubSpotUnavailable
from app.http import Response
from app.hubspot.addresses import join
from app.hubspot.calls import parse, repeatable
from app.hubspot.outcomes import raise_for, read_error
from app.hubspot.payloads import Id, Object, Objects, Payload, read_text

#: HubSpot's limit of searches a second for one portal; they count in its general limit, too, and carry no headers.
SEARCHES_PER_SECOND: Final = 5

#: More is never looked at: two are too many to choose from.
_MOST = 10
#: A look-up is a kindness, and a message waits for it (seconds).
_TIMEOUT = 5.0
_CONFLICT = 409

_EMAIL = "email"
_PHONES = ("phone", "mobilephone", "hs_calculated_phone_number", "hs_calculated_mobile_number")
_SEARCHABLE = ("hs_searchable_calculated_phone_number", "hs_searchable_calculated_mobile_number")

#: What HubSpot says of a contact that has the e-mail address already.
_EXISTING = re.compile(r"Existing ID: (\d+)", re.IGNORECASE)

#: ``PortalClient``'s call with the portal's token: method, address, JSON, seconds.
Send = Callable[[str, str, Any, float], Response]


@dataclass(frozen=True)
class Contact:
    """A contact, with its addresses in their one spelling."""

    id: int
    phones: frozenset[str]
    email: str

    def has(self, *, phone: str, email: str) -> bool:
        """Tell whether one of the addresses is the contact's own; an empty one is nobody's."""
        return (phone != "" and phone in self.phones) or (email != "" and email == self.email)


class Contacts:
    """The CRM's contacts in one portal. Needs the scopes ``crm.objects.contacts.read`` and ``.write``."""

    def __init__(self, address: str, send: Send) -> None:
        """Keep the API's address and how it is called."""
        self._address = address
        self._send = send

    def search(self, *, phone: str, email: str) -> list[Contact]:
        """Return the contacts that may have the phone number (E.164) or the e-mail address; either may be empty.

        Raises:
            Unauthorized: code ``missing_scopes``.
            RelayError: see ``outcomes``.
        """
        filters = [(_EMAIL, email), *((name, national(phone)) for name in _SEARCHABLE)]
        body = {
            "filterGroups": [{"filters": [_equals(name, value)]} for name, value in filters if value],
            "properties": [_EMAIL, *_PHONES],
            "limit": _MOST,
        }
        response = repeatable(lambda: self._send("POST", join(self._address, "search"), body, _TIMEOUT))
        raise_for(response)
        return [_contact(_Record.model_validate(one)) for one in parse(_Found, response).results if one.get("id")]

    def create(self, *, phone: str, email: str, name: str) -> int:
        """Make a contact and return its id; the one that has the e-mail address already, where HubSpot names it.

        The whole name becomes the first name, because nobody says where it is divided.

        Raises:
            OutcomeUnknown: no answer came; it may have been made.
            RelayError: see ``outcomes``.
        """
        given = {"phone": phone, "email": email, "firstname": name}
        body = {"properties": {key: value for key, value in given.items() if value}}
        response = self._send("POST", self._address, body, _TIMEOUT)
        existing = _EXISTING.search(read_error(response).message) if response.status == _CONFLICT else None
        if existing:
            return int(existing[1])
        raise_for(response)
        return parse(_Record, response).number


class _Record(Payload):
    id: Id
    properties: Annotated[Object, Field(default_factory=dict)]

    @property
    def number(self) -> int:
        """The id as associations take it.

        Raises:
            HubSpotUnavailable: it is no number.
        """
        if not self.id.isdecimal():
            raise HubSpotUnavailable("HubSpot's answer names no contact.", code="unreadable_answer")
        return int(self.id)


class _Found(Payload):
    results: Objects


def _contact(record: _Record) -> Contact:
    written = [read_text(record.properties.get(name)) for name in _PHONES]
    numbers = frozenset(one.value for one in map(phone, written) if one)
    own = email(read_text(record.properties.get(_EMAIL)))
    return Contact(record.number, numbers, own.value if own else "")


def _equals(name: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": "EQ", "value": value}
