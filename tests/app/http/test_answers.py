from __future__ import annotations

import gzip

import pytest

from app.errors import ResponseUnexpected
from app.http import Http, Response, TooLarge
from tests.app.http.scripted import ScriptedServer, Visit


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("ö".encode(), "text/plain", "ö"),
        ("ö".encode("latin-1"), "text/plain; charset=ISO-8859-1", "ö"),
        ("ö".encode("latin-1"), 'text/plain; charset="iso-8859-1"; x=y', "ö"),
        (b"\xff", "text/plain; charset=no-such-thing", "\ufffd"),
        (b"", "", ""),
    ],
)
def test_text_is_read_in_its_own_charset(body: bytes, kind: str, text: str) -> None:
    assert Response(200, {"content-type": kind}, body, 0.1).text == text


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe\xfd", b"{"])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own class and the codec's share only this
        Response(200, {}, body, 0.1).json()


def packed(body: bytes) -> ScriptedServer:
    def script(visit: Visit) -> None:
        while visit.read():
            visit.answer(body, headers=("Content-Encoding: gzip",))

    return ScriptedServer(script)


def test_an_answer_packed_without_being_asked_is_unpacked(http: Http) -> None:
    text = b"".join(b"%d " % number for number in range(100_000))
    with packed(gzip.compress(text)) as server:
        assert http.request("GET", server.url).body == text


def test_a_bomb_meets_the_limit(http: Http) -> None:
    with packed(gzip.compress(b"\0" * 10_000_000)) as server, pytest.raises(TooLarge):
        http.request("GET", server.url, limit=100_000)


def test_an_answer_that_is_not_what_it_says_is_final(http: Http) -> None:
    with packed(b"plain text") as server, pytest.raises(ResponseUnexpected):
        http.request("GET", server.url)
