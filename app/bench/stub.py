"""A stand-in for HubSpot's API and for Loopback, in one process of its own, several times faster than the relay.

It knows no rules and refuses nothing: it answers after ``latency`` seconds and writes down what it was asked and when.
The simulator is there for everything that is about right or wrong.

HubSpot lives at ``/``, Loopback at ``/loopback``. The stub's own addresses:

- ``GET /stub/counts``: how many calls of each kind, and the seconds of CPU that the stub has used;
- ``GET /stub/calls``: every call, as lists of the fields of ``Call``;
- ``POST /stub/reset`` ``{"latency": 0.1}``: forget all calls; the latency changes where one is given.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import click
from typing_extensions import override

from app.bench.servers.process import ServerProcess, is_listening
from app.bench.wire import Packet, answer, take

_ADMIN: Final = b"/stub/"
_LOOPBACK: Final = b"/loopback/"
#: Connections that wait for being accepted: a worker's threads all connect in one moment.
_BACKLOG = 1024


class Kind(StrEnum):
    """What a call wants."""

    PUBLISH = "publish"
    STATUS = "status"
    SEND = "send"
    TOKEN = "token"  # noqa: S105 - a kind of call
    OTHER = "other"


@dataclass(frozen=True)
class Call:
    """One call. Times are seconds since 1970.

    ``lane`` is what is to be kept in order: our thread id in a publication, the conversation at Loopback, HubSpot's
    message id in a status. ``key`` is the idempotency id; ``text`` the message's text, or the status.
    """

    kind: Kind
    lane: str
    key: str
    text: str
    arrived: float
    answered: float


@dataclass
class _Taken:
    """A call as it came; read only when somebody asks for it."""

    kind: Kind
    packet: Packet
    arrived: float
    answered: float = 0.0


class _Stub:
    """What the stub remembers, and how it answers."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self._taken: list[_Taken] = []
        self._ids = itertools.count(1)

    def take(self, packet: Packet, transport: asyncio.Transport) -> None:
        """Answer one request, a call after the latency."""
        if packet.path.startswith(_ADMIN):
            transport.write(self._admin(packet))
            return
        taken = _Taken(_kind(packet), packet, time.time())
        self._taken.append(taken)
        if self.latency > 0:
            asyncio.get_running_loop().call_later(self.latency, self._give, taken, transport)
        else:
            self._give(taken, transport)

    def _give(self, taken: _Taken, transport: asyncio.Transport) -> None:
        taken.answered = time.time()
        if not transport.is_closing():
            transport.write(self._answer(taken))

    def _answer(self, taken: _Taken) -> bytes:
        number, kind = next(self._ids), taken.kind
        if kind is Kind.PUBLISH:
            return answer(201, b'{"id":"m%d","conversationsThreadId":"t-%s"}' % (number, _thread(taken.packet.body)))
        if kind is Kind.SEND:
            return answer(201, b'{"id":"s%d","time":"2026-11-22T10:00:00.000Z"}' % number)
        if kind is Kind.TOKEN:
            return answer(200, b'{"access_token":"access-%d","refresh_token":"refresh","expires_in":1800}' % number)
        return answer(200, b'{"id":"bench","name":"Bench"}')

    def _admin(self, packet: Packet) -> bytes:
        if packet.path.endswith(b"/reset"):
            self._taken.clear()
            self.latency = json.loads(packet.body or b"{}").get("latency", self.latency)
            return answer(200)
        return answer(200, json.dumps(self._calls() if packet.path.endswith(b"/calls") else self._counts()).encode())

    def _counts(self) -> dict[str, Any]:
        return {"calls": Counter(one.kind.value for one in self._taken), "cpu": time.process_time()}

    def _calls(self) -> list[tuple[Any, ...]]:
        return [_read(one) for one in self._taken]


def _kind(packet: Packet) -> Kind:
    method, path = packet.method, packet.path
    if method == b"PATCH":
        return Kind.STATUS
    if method == b"POST" and path.endswith(b"/messages"):
        return Kind.SEND if path.startswith(_LOOPBACK) else Kind.PUBLISH
    return Kind.TOKEN if path.startswith(b"/oauth/") else Kind.OTHER


def _thread(body: bytes) -> bytes:
    """Return our thread id in a publication, unread: parsing all of it would take longer than the rest of an answer."""
    return body.partition(b'"integrationThreadId":"')[2].partition(b'"')[0]


def _read(taken: _Taken) -> tuple[Any, ...]:
    """Return the fields of a ``Call``."""
    packet, times = taken.packet, (taken.arrived, taken.answered)
    if taken.kind is Kind.TOKEN or taken.kind is Kind.OTHER:
        return (taken.kind.value, packet.path.decode(), "", "", *times)
    body = json.loads(packet.body)
    if taken.kind is Kind.STATUS:
        return (taken.kind.value, packet.path.rsplit(b"/", 1)[1].decode(), "", body["statusType"], *times)
    if taken.kind is Kind.SEND:
        return (taken.kind.value, body["conversation"], packet.header("idempotency-key"), body["text"], *times)
    return (taken.kind.value, body["integrationThreadId"], body["integrationIdempotencyId"], body["text"], *times)


class _Connection(asyncio.Protocol):
    """One connection, kept for as long as its client likes."""

    def __init__(self, stub: _Stub) -> None:
        self._stub = stub
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's transport is one
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        assert self._transport is not None  # noqa: S101 - data come after the connection
        self._buffer += data
        while (packet := take(self._buffer)) is not None:
            self._stub.take(packet, self._transport)


async def _serve(port: int, latency: float) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    stub = _Stub(latency)
    await loop.create_server(lambda: _Connection(stub), "127.0.0.1", port, backlog=_BACKLOG)
    await stop.wait()


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--latency", type=float, default=0.0, help="Seconds until a call is answered.")
def main(port: int, latency: float) -> None:
    """Answer calls until SIGTERM."""
    asyncio.run(_serve(port, latency))


class StubServer(ServerProcess):
    """The stub as a process, and what it has written down."""

    def __init__(self, *, port: int | None = None, latency: float = 0.0) -> None:
        """Choose a port."""
        super().__init__(port=port)
        self._latency = latency

    @property
    @override
    def url(self) -> str:
        """The address for ``RELAY_HUBSPOT_API_URL``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def loopback_url(self) -> str:
        """The address for ``RELAY_LOOPBACK_API_URL``."""
        return f"{self.url}/loopback"

    @override
    def command(self) -> list[str]:
        return [sys.executable, "-m", "app.bench.stub", "--port", str(self.port), "--latency", str(self._latency)]

    @override
    def is_ready(self) -> bool:
        return is_listening(self.port)

    def reset(self, *, latency: float | None = None) -> None:
        """Forget all calls; the latency (seconds) changes where one is given."""
        self._ask("POST", "/stub/reset", {} if latency is None else {"latency": latency})

    def counts(self) -> Counter[Kind]:
        """Count the calls by their kind."""
        return Counter({Kind(kind): count for kind, count in self._ask("GET", "/stub/counts")["calls"].items()})

    def cpu_seconds(self) -> float:
        """Return the CPU time that the stub has used."""
        return float(self._ask("GET", "/stub/counts")["cpu"])

    def calls(self, kind: Kind | None = None) -> list[Call]:
        """Return the calls (of one kind) in the order in which they came."""
        every = [Call(Kind(one[0]), *one[1:]) for one in self._ask("GET", "/stub/calls")]
        return [one for one in every if kind is None or one.kind is kind]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


if __name__ == "__main__":
    main()
