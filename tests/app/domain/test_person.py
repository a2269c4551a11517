from __future__ import annotations

from app.domain.person import Identifier, IdentifierType, Person


def test_an_address_is_opaque_unless_its_type_is_known() -> None:
    assert Identifier(value="u1").type is IdentifierType.OPAQUE


def test_what_a_newer_release_stored_about_a_person_is_kept() -> None:
    stored = {"identifier": {"type": "phone", "value": "+4930"}, "name": "Dana", "language": "de"}
    assert Person.model_validate(stored).model_dump(mode="json") == stored
