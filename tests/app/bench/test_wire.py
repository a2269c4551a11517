from __future__ import annotations

import pytest

from app.bench.wire import UnreadableError, answer, request, take


def test_a_message_is_cut_out_only_when_it_is_whole() -> None:
    whole = request("POST", "/a?b=c", b"hello", x_name="value")
    for length in range(len(whole)):
        assert take(bytearray(whole[:length])) is None
    buffer = bytearray(whole + b"POST")
    packet = take(buffer)
    assert packet is not None
    assert (packet.method, packet.path, packet.body) == (b"POST", b"/a?b=c", b"hello")
    assert (packet.header("X-Name"), packet.header("x-other")) == ("value", "")
    assert buffer == b"POST"


def test_an_answer_without_a_length_has_no_body() -> None:
    buffer = bytearray(b"HTTP/1.1 204 NO CONTENT\r\nServer: any\r\n\r\n" + answer(201, b'{"id":1}'))
    packets = [take(buffer), take(buffer), take(buffer)]
    assert [(one.status, one.body) for one in packets if one] == [(204, b""), (201, b'{"id":1}')]


def test_a_message_in_chunks_is_refused() -> None:
    with pytest.raises(UnreadableError):
        take(bytearray(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
