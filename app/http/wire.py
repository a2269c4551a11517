"""Connections: sockets whose every operation ends with the call's deadline, and the stack on which idle ones wait."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httpcore
from typing_extensions import override

from app.http.names import Names

#: Servers commonly close a connection that was idle for five seconds or more; ours is gone before (seconds).
IDLE: Final = 4.0

#: Writes are gathered until they are so large (bytes), or until the answer is awaited.
_PACKET = 65_536


class Wire(httpcore.NetworkBackend):
    """One connection's network, and what is known of the call that uses it now.

    ``written`` tells whether a byte of the call's request may have left: then nobody knows what the other side did.
    """

    def __init__(self, names: Names) -> None:
        """Take the look-up of hosts; ``begin`` comes before each call."""
        self._names = names
        self._deadline = 0.0
        self._private = False
        self.written = False

    def begin(self, deadline: float, *, private: bool) -> None:
        """Take over the deadline (``time.monotonic``) of the next call, and whether private addresses are allowed."""
        self._deadline = deadline
        self._private = private
        self.written = False

    def remaining(self, late: type[httpcore.TimeoutException]) -> float:
        """Return the seconds left, more than 0; raises ``late`` when there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late
        return left

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self.remaining(httpcore.ConnectTimeout)
        addresses = self._names.find(host, port, timeout=left, private=self._private)
        return Stream(self, self._connect(addresses, port))

    def _connect(self, addresses: Sequence[str], port: int) -> socket.socket:
        """Try one address after the other; each gets its share of the time that is left."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError("has no address")
        for index, address in enumerate(addresses):
            share = self.remaining(httpcore.ConnectTimeout) / (len(addresses) - index)
            try:
                connected = socket.create_connection((address, port), share)
            except TimeoutError:
                failure = httpcore.ConnectTimeout("did not accept a connection in time")
            except OSError as error:
                failure = httpcore.ConnectError(f"cannot be reached ({error.strerror or 'no connection'})")
            else:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connected
        raise failure


class Stream(httpcore.NetworkStream):
    """A socket under its wire's deadline. The time-outs that httpcore passes along are not looked at."""

    def __init__(self, wire: Wire, sock: socket.socket) -> None:
        """Take over a connected socket."""
        self._wire = wire
        self._sock = sock
        #: Headers and body come apart, and would cost a system call and a packet each.
        self._waiting = bytearray()

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with suppress(httpcore.WriteError):  # the other side may have answered before it hung up
            self._flush()
        left = self._wire.remaining(httpcore.ReadTimeout)
        try:
            self._sock.settimeout(left)
            return self._sock.recv(max_bytes)
        except TimeoutError:
            raise httpcore.ReadTimeout from None
        except OSError as error:
            raise httpcore.ReadError from error

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._waiting += buffer
        if len(self._waiting) >= _PACKET:
            self._flush()

    def _flush(self) -> None:
        """Send what waits. After an error nothing does: a part of it may be gone."""
        buffer, self._waiting = memoryview(self._waiting), bytearray()
        while buffer:
            buffer = buffer[self._send(buffer) :]

    def _send(self, buffer: memoryview) -> int:
        left = self._wire.remaining(httpcore.WriteTimeout)
        # A TLS record may be on its way although its send failed; of a plain send that failed nothing is.
        self._wire.written |= isinstance(self._sock, ssl.SSLSocket)
        try:
            self._sock.settimeout(left)
            sent = self._sock.send(buffer)
        except TimeoutError:
            raise httpcore.WriteTimeout from None
        except OSError as error:
            raise httpcore.WriteError from error
        self._wire.written = True
        return sent

    @override
    def close(self) -> None:
        self._sock.close()

    @override
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            self._sock.settimeout(self._wire.remaining(httpcore.ConnectTimeout))
            return Stream(self._wire, ssl_context.wrap_socket(self._sock, server_hostname=server_hostname))
        except BaseException as error:
            self._sock.close()
            raise _tls_failure(error) from error

    @override
    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        if info == "is_readable":
            return _is_readable(self._sock)
        return None


def _tls_failure(error: BaseException) -> BaseException:
    if isinstance(error, TimeoutError):
        return httpcore.ConnectTimeout("did not finish the TLS handshake in time")
    if isinstance(error, ssl.SSLCertVerificationError):
        return httpcore.ConnectError(f"has a TLS certificate that is not accepted ({error.verify_message})")
    if isinstance(error, OSError):
        return httpcore.ConnectError("does not speak TLS as we do")
    return error


def _is_readable(sock: socket.socket) -> bool:
    """Tell whether something arrived on an idle connection; that can only be its end."""
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


#: Scheme, host, port, and whether only public addresses were allowed when it was connected.
Key: TypeAlias = tuple[bytes, bytes, int, bool]


@dataclass(frozen=True)
class Line:
    """A connection and its network."""

    connection: httpcore.HTTPConnection
    wire: Wire
    key: Key


class Stack:
    """Idle lines by origin, the one used last on top. All share one TLS context: making one takes 20 ms."""

    def __init__(self, names: Names, tls: ssl.SSLContext) -> None:
        """Take what new lines are made with."""
        self._names = names
        self._tls = tls
        self._idle: defaultdict[Key, list[tuple[float, Line]]] = defaultdict(list)
        self._lock = threading.Lock()
        self._swept = time.monotonic()
        self._closed = False

    def take(self, origin: httpcore.Origin, *, public: bool) -> Line:
        """Return a line for one call: an idle one that still lives, or a new one that is not connected yet."""
        key = (origin.scheme, origin.host, origin.port, public)
        while line := self._pop(key):
            if line.connection.is_idle() and not line.connection.has_expired():
                return line
            line.connection.close()
        wire = Wire(self._names)
        connection = httpcore.HTTPConnection(origin, ssl_context=self._tls, keepalive_expiry=IDLE, network_backend=wire)
        return Line(connection, wire, key)

    def put(self, line: Line) -> None:
        """Take a line back after its call."""
        now = time.monotonic()
        with self._lock:
            keep = line.connection.is_idle() and not self._closed
            if keep:
                self._idle[line.key].append((now, line))
            expired = self._sweep(now) if now - self._swept > 1 else []
        for one in expired if keep else [line, *expired]:
            one.connection.close()

    def close(self) -> None:
        """Close the idle lines; lines in use are closed when they come back."""
        with self._lock:
            self._closed = True
            lines = [line for idle in self._idle.values() for _, line in idle]
            self._idle.clear()
        for line in lines:
            line.connection.close()

    def _pop(self, key: Key) -> Line | None:
        with self._lock:
            idle = self._idle.get(key)
            return idle.pop()[1] if idle else None

    def _sweep(self, now: float) -> list[Line]:
        """Take out the lines that were idle for too long; nobody may ever ask for their origin again."""
        self._swept = now
        expired = [line for idle in self._idle.values() for since, line in idle if now - since > IDLE]
        for key, idle in list(self._idle.items()):
            kept = [(since, line) for since, line in idle if now - since <= IDLE]
            if kept:
                self._idle[key] = kept
            else:
                del self._idle[key]
        return expired
