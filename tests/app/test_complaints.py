from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from app.complaints import complain


class Sample(BaseModel, extra="forbid"):
    count: int = Field(1, ge=1, lt=9)
    share: float = Field(0.5, gt=0, le=1)
    word: str = Field("abc", min_length=2, max_length=4, pattern="^[a-z]+$")
    shape: Literal["round", "square"] = "round"
    switch: bool = False
    own: str = ""
    folder: list[str] = []

    @field_validator("own")
    @classmethod
    def _own(cls, value: str) -> str:
        if value:
            raise ValueError("has to be empty, as our own words say.")
        return value


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("count", "many", "count is no whole number: write digits only"),
        ("count", 1.5, "count is no whole number: write digits only"),
        ("count", 0, "count is too small: it has to be 1 or more"),
        ("count", 9, "count is too large: it has to be less than 9"),
        ("share", "half", "share is no number: write digits, with a point before the fraction"),
        ("share", 0, "share is too small: it has to be more than 0.0"),
        ("share", 2, "share is too large: it has to be 1.0 or less"),
        ("word", "a", "word is too short: it has to have 2 characters or more"),
        ("word", "abcde", "word is too long: it may have 4 characters"),
        ("word", "A1", "word does not look as it has to: compare it with its description"),
        ("shape", "flat", "shape is none of the values it may have: write 'round' or 'square'"),
        ("switch", "perhaps", "switch is neither yes nor no: write true or false"),
        ("own", "x", "own is not valid: has to be empty, as our own words say"),
        ("other", "x", "other is not known here: leave it out or correct its name"),
        ("folder", 1, "folder is not of the form that it has to have: compare it with its description"),
    ],
)
def test_each_error_says_what_is_wrong_and_what_to_do(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({name: value})
    assert complain(name, caught.value.errors()[0]) == sentence
