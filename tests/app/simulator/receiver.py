"""A small server that keeps what is posted to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from typing_extensions import override

PATIENCE = 40.0


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers each post with the next of `answers`, then with 204; `with Receiver() as receiver`."""

    def __init__(self, *answers: int, pause: float = 0.0) -> None:
        self.requests: list[Received] = []
        self.answers = list(answers)
        self.pause = pause
        #: What it serves, by path.
        self.files: dict[str, bytes] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.take(Received(self.path, headers, body))
                time.sleep(receiver.pause)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                content = receiver.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Type", "image/png")
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            @override
            def log_message(self, *_args: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            # A burst of connections must not wait for the second SYN.
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def take(self, received: Received) -> int:
        """Keep a request and say what to answer."""
        with self._lock:
            self.requests.append(received)
            return self.answers.pop(0) if self.answers else 204

    def wait(self, count: int) -> list[Received]:
        """The requests, once there are `count` of them."""
        eventually(lambda: len(self.requests) >= count)
        return self.requests

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition holds.

    Raises:
        AssertionError: it did not within ``PATIENCE``.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
