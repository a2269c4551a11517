"""Contact cards and places as Telegram takes them (https://core.telegram.org/bots/api#sendcontact)."""

from __future__ import annotations

from pydantic import JsonValue

from app.domain.message import Card, Place

#: Bytes of a vCard.
_LONGEST_VCARD = 2048


def contact(card: Card) -> dict[str, JsonValue]:
    """Return ``sendContact``'s parameters: the first number, and all the rest as a vCard where that is not too long.

    The card has a number.
    """
    number = card.phones[0]
    fields: dict[str, JsonValue] = {"phone_number": number, "first_name": card.name or card.organisation or number}
    written = vcard(card)
    return fields | ({"vcard": written} if len(written.encode()) <= _LONGEST_VCARD else {})


def venue(place: Place) -> dict[str, JsonValue]:
    """Return ``sendVenue``'s parameters; the place has a name or an address, and Telegram wants both."""
    return {**location(place), "title": place.name or place.address, "address": place.address or place.name}


def location(place: Place) -> dict[str, JsonValue]:
    """Return ``sendLocation``'s parameters."""
    return {"latitude": place.latitude, "longitude": place.longitude}


def vcard(card: Card) -> str:
    """Write a contact card as version 3.0 of vCard (RFC 2426)."""
    name = card.name or card.organisation
    fields = [("N", name), ("FN", name), ("ORG", card.organisation)]
    fields += [("TEL", one) for one in card.phones] + [("EMAIL", one) for one in card.emails]
    fields += [("URL", one) for one in card.links]
    lines = [f"{field}:{_escaped(value)}" for field, value in fields if value]
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD", ""])


def _escaped(value: str) -> str:
    for mark in ("\\", ";", ","):
        value = value.replace(mark, f"\\{mark}")
    return "\\n".join(value.splitlines())
