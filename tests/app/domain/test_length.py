from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.capability import LengthUnit
from app.domain.length import length


@pytest.mark.parametrize(
    ("unit", "expected"),
    [(LengthUnit.CHARACTERS, 3), (LengthUnit.UTF16, 4), (LengthUnit.BYTES, 7), (LengthUnit.SEPTETS, 10)],
)
def test_a_text_is_counted_in_the_units_of_the_service(unit: LengthUnit, expected: int) -> None:
    assert length("a\u00e9\U0001f600", unit) == expected


@pytest.mark.parametrize(
    ("label", "text", "septets"),
    [
        ("letters", "a" * 160, 160),
        ("letters with accents that SMS has", "é" * 153, 153),
        ("characters of the second table", "€[]", 6),
        ("one that is in no table", "ç", 3),
        ("the longest short message with such ones", "ж" * 70, 160),
        ("one more of them", "ж" * 71, 163),
        ("ten pieces of them", "ж" * 670, 1530),
        ("an emoji is two units", "😀" * 35, 160),
    ],
)
def test_septets(label: str, text: str, septets: int) -> None:
    assert length(text, LengthUnit.SEPTETS) == septets, label


@settings(max_examples=40, deadline=None)
@given(text=st.text(), more=st.text(), unit=st.sampled_from(LengthUnit))
def test_a_longer_text_is_never_shorter(text: str, more: str, unit: LengthUnit) -> None:
    assert length(text, unit) <= length(text + more, unit)
