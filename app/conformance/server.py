"""A real HTTP server on a free loopback port that gives the answers it is told to give."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from typing_extensions import override


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the body as JSON."""
        parsed: object = json.loads(self.body)
        return parsed


@dataclass(frozen=True)
class Scripted:
    """An answer. With ``reset`` the connection is cut after the request was read, and nothing is answered."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False


Script = Callable[[Seen], Scripted]


class ScriptedServer:
    """Answers every request by ``script``, which may be replaced at any time, and keeps what it saw."""

    def __init__(self, script: Script | Scripted) -> None:
        self.seen: list[Seen] = []
        self._script = script
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The server's address, without a slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def play(self, script: Script | Scripted) -> None:
        """Answer by this from now on, and forget what was seen."""
        self._script = script
        self.seen.clear()

    def answer(self, request: Seen) -> Scripted:
        """Keep a request and return its answer."""
        self.seen.append(request)
        return self._script if isinstance(self._script, Scripted) else self._script(request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(_Handler):
            server_script = owner

        return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_script: ScriptedServer

    @override
    def handle(self) -> None:
        """Serve a connection; a peer that goes away is no news."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        scripted = self.server_script.answer(Seen(self.command, self.path, headers, body))
        if scripted.reset:
            self._cut()
            return
        self.send_response(scripted.status)
        for name, value in {**scripted.headers, "Content-Length": str(len(scripted.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(scripted.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 - the names that http.server calls

    def _cut(self) -> None:
        """End the connection with a reset: a linger time of zero does that."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
