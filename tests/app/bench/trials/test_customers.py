from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from app.bench.trials import customers
from app.bench.trials.customers import Customers, NotTaken, said
from app.connectors.loopback import LoopbackConnector, LoopbackCredentials
from app.domain.webhook import RawRequest
from tests.app.bench.people import LOOPBACK

CREDENTIALS = LoopbackCredentials(token=SecretStr(LOOPBACK.token), secret=SecretStr(LOOPBACK.secret))


class Door:
    """A web that writes down what it is sent, and refuses the first few."""

    def __init__(self, *, refuses: int = 0) -> None:
        self.taken: list[RawRequest] = []
        self.refused: list[RawRequest] = []
        self._refuses = refuses
        self._lock = threading.Lock()

    def answer(self, raw: RawRequest) -> int:
        with self._lock:
            if len(self.refused) < self._refuses:
                self.refused.append(raw)
                return 503
            self.taken.append(raw)
            return 200

    def events(self) -> list[dict[str, object]]:
        return [event for raw in self.taken for event in raw.json()["events"]]


@contextmanager
def serving(door: Door) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(door.answer(RawRequest("POST", self.path, headers=headers, body=body)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_webhooks_are_those_of_the_service() -> None:
    door = Door()
    with serving(door) as web:
        Customers(LOOPBACK, [web]).say([said("dana", 1)])
    [raw] = door.taken
    assert raw.url == "/webhooks/loopback/key-1"
    LoopbackConnector().verify(raw, CREDENTIALS)
    [event] = door.events()
    assert (event["conversation"], event["text"]) == ("dana", str(said("dana", 1)))


def test_many_are_sent_together_and_their_times_rise() -> None:
    door = Door()
    with serving(door) as web:
        Customers(LOOPBACK, [web]).say((said("dana", number) for number in range(5)), together=2, in_flight=1)
    assert [len(raw.json()["events"]) for raw in door.taken] == [2, 2, 1]
    times = [str(event["time"]) for event in door.events()]
    assert times == sorted(set(times))


def test_webs_take_turns() -> None:
    first, second = Door(), Door()
    with serving(first) as one, serving(second) as other:
        Customers(LOOPBACK, [one, other]).say((said("dana", number) for number in range(6)), in_flight=1)
    assert (len(first.taken), len(second.taken)) == (3, 3)


def test_what_was_not_taken_comes_again_as_it_was() -> None:
    door = Door(refuses=2)
    with serving(door) as web:
        assert Customers(LOOPBACK, [web]).say([said("dana")]) == 2
    assert {raw.body for raw in door.refused} == {raw.body for raw in door.taken}
    assert "id" in json.loads(door.taken[0].body)


def test_what_is_never_taken_is_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers, "_PATIENCE", 0.0)
    with serving(Door(refuses=10)) as web, pytest.raises(NotTaken, match="503"):
        Customers(LOOPBACK, [web]).say([said("dana")])
