"""Phone numbers and e-mail addresses in the one spelling in which they are compared."""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType
from typing import Final

from app.domain.person import Identifier, IdentifierType

#: Enough to tell an address from a mistake; whether it exists only its server knows.
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_LONGEST_EMAIL: Final = 254


def phone(text: str, *, is_international: bool = False) -> Identifier | None:
    """Return a phone number as E.164, None where it is none or lacks its country.

    ``is_international``: it begins with the country's number, whether or not a plus stands before it.
    """
    written = text.strip()
    if is_international and not written.startswith("+"):
        written = f"+{written}"
    found = _parse(written)
    return Identifier(type=IdentifierType.PHONE, value=found[0]) if found else None


def national(e164: str) -> str:
    """Return the digits of a phone number without its country; empty where it is no phone number."""
    found = _parse(e164)
    return found[1] if found else ""


def email(text: str) -> Identifier | None:
    """Return an e-mail address in lower case, None where it is none."""
    written = text.strip().lower()
    if len(written) > _LONGEST_EMAIL or not _EMAIL.fullmatch(written):
        return None
    return Identifier(type=IdentifierType.EMAIL, value=written)


def address_of(identifier: Identifier) -> Identifier | None:
    """Return a phone number or e-mail address in its one spelling, None for other identifiers and for mistakes."""
    if identifier.type is IdentifierType.PHONE:
        return phone(identifier.value)
    return email(identifier.value) if identifier.type is IdentifierType.EMAIL else None


def _parse(text: str) -> tuple[str, str] | None:
    """Return E.164 and the national digits; None for what is no number of any country."""
    library = _library()
    try:
        number = library.parse(text, None)
    except library.NumberParseException:
        return None
    if not library.is_possible_number(number) or number.extension:
        return None
    e164 = library.format_number(number, library.PhoneNumberFormat.E164)
    return str(e164), str(library.national_significant_number(number))


@cache
def _library() -> ModuleType:
    """Import it once it is needed: most processes never see a phone number."""
    import phonenumbers  # noqa: PLC0415

    return phonenumbers
