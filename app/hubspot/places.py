"""Points on the map and contact cards in HubSpot's words: attachments of the types LOCATION and CONTACT."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import ValidationError

from app.domain.fit import map_link
from app.domain.message import Card, Place
from app.hubspot.payloads import read_object, read_objects, read_text

LOCATION: Final = "LOCATION"
CONTACT: Final = "CONTACT"

#: The parts of a name and of an employment, in the order in which people say them.
_NAME: Final = ("prefix", "firstName", "middleName", "lastName", "suffix")
_ORGANISATION: Final = ("title", "department", "company")
_ADDRESS: Final = ("street", "city", "state", "zip", "country")


def read_place(item: dict[str, Any]) -> Place | None:
    """Read a LOCATION; None where it names no point on the earth."""
    words = {name: read_text(item.get(name)) for name in ("name", "address")}
    try:
        return Place(latitude=item.get("latitude"), longitude=item.get("longitude"), **words)
    except ValidationError:
        return None


def read_card(item: dict[str, Any]) -> Card | None:
    """Read a CONTACT; None where nothing is on the card."""
    profile = read_object(item.get("contactProfile"))
    card = Card(
        name=_joined(read_object(profile.get("name")), _NAME, " "),
        organisation=_joined(read_object(profile.get("org")), _ORGANISATION, ", "),
        phones=_each(profile.get("phones"), "phone"),
        emails=_each(profile.get("emails"), "email"),
        links=_each(profile.get("urls"), "url"),
        addresses=tuple(filter(None, (_joined(one, _ADDRESS, ", ") for one in read_objects(profile.get("addresses"))))),
    )
    return card if card != Card() else None


def write_place(place: Place) -> dict[str, Any]:
    """Return a place as a LOCATION, with a link to a map."""
    body = {
        "type": LOCATION,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "name": place.name,
        "address": place.address,
        "url": map_link(place),
    }
    return {name: value for name, value in body.items() if value != ""}


def write_card(card: Card) -> dict[str, Any]:
    """Return a card as a CONTACT. The four lists are required, also when there is nothing in them."""
    first, _, last = card.name.rpartition(" ")
    name = {"firstName": first, "lastName": last} if first else {"firstName": card.name}
    profile: dict[str, Any] = {
        "addresses": [{"street": one} for one in card.addresses],
        "emails": [{"email": one} for one in card.emails],
        "phones": [{"phone": one} for one in card.phones],
        "urls": [{"url": one} for one in card.links],
    }
    profile |= {"name": name} if card.name else {}
    profile |= {"org": {"company": card.organisation}} if card.organisation else {}
    return {"type": CONTACT, "contactProfile": profile}


def _joined(item: dict[str, Any], names: Iterable[str], between: str) -> str:
    return between.join(filter(None, (read_text(item.get(name)) for name in names)))


def _each(items: object, key: str) -> tuple[str, ...]:
    return tuple(filter(None, (read_text(one.get(key)) for one in read_objects(items))))
