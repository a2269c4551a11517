from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.storage.text import glimpse, storable

TEXT = st.text(alphabet=st.characters(), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in strings(one)]
    return [value] if isinstance(value, str) else []


@given(JSON)
def test_whatever_json_holds_becomes_storable_and_stays_so(value: object) -> None:
    cleaned = storable(value)
    for text in strings(cleaned):
        assert "\0" not in text
        assert text.encode("utf-8").decode("utf-8") == text
    assert storable(cleaned) == cleaned


@pytest.mark.parametrize("value", ["", "Grüße ☃ 👍", 5, None, True, 1.5, ["a", {"b": ["c"]}], {"a": {"b": None}}])
def test_ordinary_json_is_left_alone(value: object) -> None:
    assert storable(value) == value


def test_what_is_refused_goes_and_halves_are_marked() -> None:
    assert storable("a\0b") == "ab"
    assert storable("\ud83d!") == "\ufffd!"
    assert storable({"k\0": ("\udc00", 1)}) == {"k": ["\ufffd", 1]}


def test_a_glimpse_is_short_and_ascii_whatever_it_shows() -> None:
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]
    circle: list[object] = []
    circle.append(circle)
    for odd in ("☃\0\ud800", {"a": object()}, {("a", 1): 2}, b"\xff", "x" * 10_000, deep, circle, float("nan")):
        shown = glimpse(odd)
        assert shown
        assert shown.isascii()
        assert len(shown) <= 2_000
        assert storable(shown) == shown
    assert json.loads(glimpse({"a": ["☃"]})) == {"a": ["☃"]}
