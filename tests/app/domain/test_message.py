from __future__ import annotations

from app.domain.message import CONTENT_VERSION, Content


def test_stored_content_names_its_version() -> None:
    assert Content(text="Hi").model_dump()["version"] == CONTENT_VERSION


def test_fields_of_a_newer_release_are_kept() -> None:
    newer = Content.model_validate({"version": 9, "text": "Hi", "mood": "good"})
    again = newer.model_copy(update={"text": "Hello"}).model_dump(mode="json", exclude_none=True)
    assert (again["version"], again["text"], again["mood"]) == (9, "Hello", "good")
