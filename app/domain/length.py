"""How long a text is, in what each service counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.domain.capability import LengthUnit

#: 3GPP TS 23.038, 6.2.1: the characters of an SMS, and those that take two septets.
_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE: Final = frozenset("^{}\\[~]|€\f")
#: A piece of a long SMS holds 153 septets, or 67 UTF-16 units where one character is not in the tables above.
_PIECE_SEPTETS: Final = 153
_PIECE_UNITS: Final = 67


def length(text: str, unit: LengthUnit) -> int:
    """Count a text in the service's own unit."""
    return _MEASURES[unit](text)


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _septets(text: str) -> int:
    """Count septets; a text that needs UTF-16 counts as the septets of as many pieces: 670 units are 1,530."""
    if _GSM.union(_GSM_TWICE).issuperset(text):
        return len(text) + sum(char in _GSM_TWICE for char in text)
    return -(-_utf16(text) * _PIECE_SEPTETS // _PIECE_UNITS)


_MEASURES: Final[dict[LengthUnit, Callable[[str], int]]] = {
    LengthUnit.CHARACTERS: len,
    LengthUnit.UTF16: _utf16,
    LengthUnit.BYTES: _bytes,
    LengthUnit.SEPTETS: _septets,
}
