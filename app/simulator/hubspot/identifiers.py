"""Delivery identifiers and their validation. [D] e-mail, phone number, or any opaque value that is not blank."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from app.simulator.hubspot.bodies import Body
from app.simulator.hubspot.errors import ApiError
from app.simulator.hubspot.state import Identifier

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# E.164; HubSpot asks libphonenumber, which is stricter about what a country assigns.
PHONE = re.compile(r"\+?[1-9]\d{6,14}")
PHONE_SEPARATORS = re.compile(r"[\s().-]")


class IdentifierType(StrEnum):
    """What a value is. [U] the rules of HS_SHORT_CODE; digits are asked for."""

    EMAIL = "HS_EMAIL_ADDRESS"
    PHONE = "HS_PHONE_NUMBER"
    OPAQUE = "CHANNEL_SPECIFIC_OPAQUE_ID"
    SHORT_CODE = "HS_SHORT_CODE"


class PublicDeliveryIdentifier(Body):
    """The object form; [C] a bare string is refused by the JSON mapper."""

    type: IdentifierType
    value: str

    def checked(self) -> Identifier:
        """The identifier.

        Raises:
            ApiError: 400 for a value that is not of its type.
        """
        if not _VALID[self.type](self.value):
            raise ApiError(400, f"Invalid delivery identifier value for type {self.type.value}")
        return Identifier(self.type.value, self.value)


def require_listed(identifier: Identifier, listed: list[str]) -> None:
    """[U] Refuse a type that the channel does not list; callers ask the switch first."""
    if identifier.type not in listed:
        raise ApiError(400, f"Delivery identifier type {identifier.type} is not supported by this channel")


def _is_phone(value: str) -> bool:
    return PHONE.fullmatch(PHONE_SEPARATORS.sub("", value)) is not None


_VALID: dict[IdentifierType, Callable[[str], bool]] = {
    IdentifierType.EMAIL: lambda value: EMAIL.fullmatch(value) is not None,
    IdentifierType.PHONE: _is_phone,
    IdentifierType.OPAQUE: lambda value: bool(value.strip()),
    IdentifierType.SHORT_CODE: lambda value: value.isdecimal(),
}
