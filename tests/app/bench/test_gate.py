from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from app.bench.gate import Gate
from app.bench.servers.process import is_listening


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says back what it hears; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture
def gate(echo: int) -> Iterator[Gate]:
    with Gate(echo) as made:
        yield made


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(100):
            connection.sendall(data)


def ask(gate: Gate, *, wait: float = 5.0) -> bytes:
    with socket.create_connection(("127.0.0.1", gate.port), timeout=wait) as connection:
        connection.sendall(b"hello")
        return connection.recv(100)


def test_an_open_gate_lets_pass(gate: Gate) -> None:
    assert [ask(gate) for _ in range(3)] == [b"hello"] * 3


def test_a_shut_gate_refuses(gate: Gate) -> None:
    gate.refuse()
    assert not is_listening(gate.port)
    gate.open()
    assert ask(gate) == b"hello"


def test_a_silent_gate_takes_everything_and_answers_nothing(gate: Gate) -> None:
    gate.silence()
    with pytest.raises(TimeoutError):
        ask(gate, wait=0.2)
    gate.open()
    assert ask(gate) == b"hello"


@pytest.mark.parametrize("silent", [True, False])
def test_connections_there_are_are_cut(gate: Gate, *, silent: bool) -> None:
    with socket.create_connection(("127.0.0.1", gate.port), timeout=5) as kept:
        kept.sendall(b"hello")
        assert kept.recv(100) == b"hello"
        if silent:
            gate.silence()
        else:
            gate.refuse()
        assert kept.recv(100) == b""
