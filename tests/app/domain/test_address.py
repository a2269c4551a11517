from __future__ import annotations

import pytest

from app.domain.address import address_of, email, national, phone
from app.domain.person import Identifier, IdentifierType


@pytest.mark.parametrize(
    ("written", "e164"),
    [
        ("+49 170 1234567", "+491701234567"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("+84901234567", "+84901234567"),
        (" +84 90 123 45 67 ", "+84901234567"),
    ],
)
def test_a_phone_number_has_one_spelling(written: str, e164: str) -> None:
    assert phone(written) == Identifier(type=IdentifierType.PHONE, value=e164)


@pytest.mark.parametrize("written", ["", "0170 1234567", "+49", "CALL-NOW", "+999 123", "+4917012345678901234", "\0"])
def test_a_number_without_its_country_is_no_address(written: str) -> None:
    assert phone(written) is None


def test_a_service_may_leave_the_plus_out() -> None:
    assert phone("84901234567", is_international=True) == phone("+84901234567")
    assert phone("not a number", is_international=True) is None


def test_the_digits_without_the_country() -> None:
    assert national("+49 170 1234567") == "1701234567"
    assert national("") == ""


def test_an_e_mail_address_is_compared_in_lower_case() -> None:
    assert email(" Dana.Roe@Example.COM ") == Identifier(type=IdentifierType.EMAIL, value="dana.roe@example.com")


@pytest.mark.parametrize("written", ["", "dana", "dana@", "@example.com", "a b@example.com", "a@b", "a@" + "b" * 260])
def test_what_is_no_e_mail_address(written: str) -> None:
    assert email(written) is None


@pytest.mark.parametrize("kind", [IdentifierType.OPAQUE, IdentifierType.SHORT_CODE])
def test_ids_of_a_service_are_no_addresses(kind: IdentifierType) -> None:
    assert address_of(Identifier(type=kind, value="+491701234567")) is None
