from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.bench import blast
from app.bench.servers.process import free_port
from app.bench.stub import StubServer
from app.bench.wire import answer, request

PATH = "/loopback/v1/messages"


def posts(count: int) -> list[bytes]:
    bodies = [f'{{"conversation": "c{number}", "text": "{number}"}}' for number in range(count)]
    return [request("POST", PATH, one.encode()) for one in bodies]


@contextmanager
def dying(answered: int) -> Iterator[int]:
    """A server that answers so many requests and then closes each connection unanswered."""

    def serve(listener: socket.socket) -> None:
        left = answered
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while connection.recv(65_536) and left > 0:
                    connection.sendall(answer(200))
                    left -= 1

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_every_request_arrives_once_and_is_timed() -> None:
    with StubServer() as stub:
        outcome = blast.send(posts(50), stub.port, connections=4)
        arrived = sorted(int(one.text) for one in stub.calls())
    assert outcome.statuses == {201: 50}
    assert outcome.is_clean
    assert len(outcome.durations) == 50
    assert arrived == list(range(50))


def test_connections_bound_what_is_under_way() -> None:
    with StubServer(latency=0.1) as stub:
        outcome = blast.send(posts(12), stub.port, connections=4)
    assert outcome.seconds >= 0.3
    assert outcome.quantile(50) >= 0.1


def test_at_a_rate_requests_leave_when_they_are_due() -> None:
    with StubServer() as stub:
        outcome = blast.send(posts(11), stub.port, rate=50.0)
        calls = stub.calls()
    assert outcome.seconds >= 0.2
    assert all(one.arrived >= outcome.began + number / 50 for number, one in enumerate(calls))


def test_a_server_that_falls_behind_cannot_hide_it() -> None:
    with StubServer(latency=0.1) as stub:
        outcome = blast.send(posts(10), stub.port, connections=1, rate=100.0)
    assert max(outcome.durations) >= 0.9


@pytest.mark.parametrize(("answered", "lost"), [(3, 2), (0, 5)])
def test_a_request_without_an_answer_is_lost(answered: int, lost: int) -> None:
    with dying(answered) as port:
        outcome = blast.send(posts(5), port, connections=1)
    assert sum(outcome.statuses.values()) == answered
    assert outcome.lost == lost
    assert not outcome.is_clean


def test_without_a_server_everything_is_lost() -> None:
    outcome = blast.send(posts(5), free_port(), connections=2)
    assert (outcome.statuses, outcome.lost) == ({}, 5)


def test_what_cannot_be_sent_is_said() -> None:
    with pytest.raises(blast.BlastFailed):
        blast.send(posts(1), 99_999_999)
