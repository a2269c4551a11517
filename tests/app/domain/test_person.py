from __future__ import annotations

from app.domain.person import Identifier, IdentifierType, Person


def test_an_address_is_opaque_unless_its_type_is_known() -> None:
    assert Identifier(value="u1").type is IdentifierType.OPAQUE


def test_what_a_newer_release_stored_about_a_person_is_kept() -> None:
    stored = {"identifier": {"type": "phone", "value": "+4930"}, "name": "Dana", "language": "de"}
    assert Person.model_validate(stored).model_dump(mode="json") == stored


def test_vouched_addresses_are_stored_only_where_there_are_any() -> None:
    phone = Identifier(type=IdentifierType.PHONE, value="+491701234567")
    plain = Person(identifier=Identifier(value="u1"))
    known = plain.model_copy(update={"vouched": (phone,)})
    assert "vouched" not in plain.model_dump(mode="json")
    assert Person.model_validate(known.model_dump(mode="json")) == known
    assert known.vouched_for(IdentifierType.PHONE) == "+491701234567"
    assert known.vouched_for(IdentifierType.EMAIL) == ""
