from __future__ import annotations

import pytest

from app.domain.webhook import RawRequest


def test_headers_are_found_in_any_case() -> None:
    raw = RawRequest("POST", "https://relay.example/", headers={"x-token": "t"})
    assert raw.header("X-Token") == "t"
    assert raw.header("X-Other") == ""


def test_the_first_of_several_parameters_counts() -> None:
    raw = RawRequest("GET", "https://relay.example/", query="mode=subscribe&mode=other&empty=")
    assert raw.parameter("mode") == "subscribe"
    assert raw.parameter("empty") == raw.parameter("missing") == ""


def test_a_body_is_read_as_json() -> None:
    assert RawRequest("POST", "https://relay.example/", body='{"a": "\u00e9"}'.encode()).json() == {"a": "\u00e9"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000], ids=["empty", "cut", "not utf-8", "deep"])
def test_what_is_not_json_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        RawRequest("POST", "https://relay.example/", body=body).json()
