"""A simulator with only the messengers and the page, and a receiver that plays the relay."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import httpx
from flask import Flask
from werkzeug.serving import make_server

from app.simulator import loopback, page, telegram
from app.simulator.world import World

T = TypeVar("T")


@dataclass
class Simulator:
    """A running simulator."""

    url: str
    world: World
    client: httpx.Client

    def post(self, path: str, **body: Any) -> Any:
        """POST to the admin API; the answer's JSON."""
        answer = self.client.post(f"/_sim/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        """GET from the admin API; the answer's JSON."""
        answer = self.client.get(f"/_sim/{path}")
        assert answer.is_success, answer.text
        return answer.json()


@dataclass
class Hook:
    """One request that the receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """Takes webhooks. `answers` are the next statuses; 200 after that."""

    url: str
    hooks: list[Hook] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def wait(self, count: int) -> list[Hook]:
        """The first `count` webhooks, when they are there."""
        eventually(lambda: len(self.hooks) >= count)
        return self.hooks


def eventually(check: Callable[[], T], *, seconds: float = 10.0) -> T:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return answer


@contextmanager
def running_simulator() -> Iterator[Simulator]:
    """Serve the messengers and the page on a free port."""
    world = World(seed=7)
    world.switch(webhook_time_scale=0.01)
    application = Flask(__name__, static_folder=None)
    application.register_blueprint(loopback.blueprint(world))
    application.register_blueprint(telegram.blueprint(world))
    application.register_blueprint(page.blueprint(world))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    world.base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with httpx.Client(base_url=world.base_url) as client:
            yield Simulator(world.base_url, world, client)
    finally:
        world.close()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Serve a receiver on a free port."""
    receiver = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.hooks.append(Hook(self.path, dict(self.headers), body))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
