"""HTTP/1.1 as far as the stub and the load need it: whole messages with a length, cut out of a stream of bytes.

By hand, because every library would cost more than what is measured with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)


class UnreadableError(Exception):
    """A message without a length, which is cut in chunks: nobody who is measured here sends one."""


@dataclass(frozen=True)
class Packet:
    """One request or answer. ``head`` ends before the empty line."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        """The status of an answer."""
        return int(self.head[9:12])

    @property
    def method(self) -> bytes:
        """The method of a request."""
        return self.head[: self.head.index(b" ")]

    @property
    def path(self) -> bytes:
        """The path of a request, with its query."""
        return self.head.split(b" ", 2)[1]

    def header(self, name: str) -> str:
        """Return a header's value, empty where it is not there."""
        found = re.search(rb"\r\n" + re.escape(name.encode()) + rb":[ \t]*([^\r]*)", self.head, re.IGNORECASE)
        return found[1].decode("latin-1") if found else ""


def take(buffer: bytearray) -> Packet | None:
    """Cut the first whole message out of ``buffer``; None where there is none yet. Without a length it has no body.

    Raises:
        UnreadableError: it is cut in chunks.
    """
    end = buffer.find(_END)
    if end < 0:
        return None
    head = bytes(buffer[:end])
    if _CHUNKED.search(head):
        raise UnreadableError(head.decode("latin-1"))
    found = _LENGTH.search(head)
    begin = end + len(_END)
    whole = begin + (int(found[1]) if found else 0)
    if len(buffer) < whole:
        return None
    body = bytes(buffer[begin:whole])
    del buffer[:whole]
    return Packet(head, body)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return a request's bytes. Names of headers are written with underscores: ``x_name`` for ``x-name``."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + _END + body


def answer(status: int, body: bytes = b"{}") -> bytes:
    """Return an answer's bytes; its reason is left empty."""
    return b"HTTP/1.1 %d \r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)
