"""Answers: the frozen one that callers get, and the reading of a body that may be too large."""

from __future__ import annotations

import json as jsonlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore

from app.errors import Rejected, ResponseUnexpected

#: What is unpacked at once (bytes): little, so that a bomb meets the limit early.
_PIECE = 65_536


class TooLarge(Rejected):
    """The answer is larger than the caller's limit."""

    code = "too_large"


@dataclass(frozen=True)
class Response:
    """An answer, whatever its status. Header names are lower-case; ``elapsed`` is the whole call, in seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float

    @property
    def text(self) -> str:
        """The body as text in the charset that it names, else UTF-8. What cannot be read is replaced."""
        charset = self.headers.get("content-type", "").partition("charset=")[2].partition(";")[0].strip(' "')
        try:
            return self.body.decode(charset or "utf-8", errors="replace")
        except LookupError:
            return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Return the body, read as JSON.

        Raises:
            ValueError: it is none.
        """
        return jsonlib.loads(self.body)


def headers_of(answer: httpcore.Response) -> dict[str, str]:
    """Return the headers with lower-case names; repeated ones are joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in answer.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def read(answer: httpcore.Response, *, limit: int, host: str) -> Iterator[bytes]:
    """Yield the body.

    Raises:
        TooLarge: as soon as it is known to exceed ``limit`` bytes; before the first byte where the server tells.
        ResponseUnexpected: it is packed, and cannot be unpacked.
    """
    headers, received = headers_of(answer), 0
    announced = headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() else 0
    for chunk in _plain(answer, packed=headers.get("content-encoding", "") in {"gzip", "x-gzip"}):
        received += len(chunk)
        if max(received, size) > limit:
            raise TooLarge(f"{host} answers with more than {limit:,} bytes.")
        yield chunk


def read_beginning(answer: httpcore.Response, *, limit: int) -> bytes:
    """Return at most ``limit`` bytes of the body."""
    kept = b""
    for chunk in answer.iter_stream():
        kept += chunk[: limit - len(kept)]
        if len(kept) >= limit:
            break
    return kept


def _plain(answer: httpcore.Response, *, packed: bool) -> Iterator[bytes]:
    """Unpack what a server packed although it was not asked to."""
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    for chunk in answer.iter_stream():
        rest = chunk
        while packed and rest:
            yield _unpacked(unpack, rest)
            rest = unpack.unconsumed_tail
        if not packed:
            yield chunk


def _unpacked(unpack: zlib._Decompress, packed: bytes) -> bytes:
    try:
        return unpack.decompress(packed, _PIECE)
    except zlib.error as error:
        raise ResponseUnexpected("The answer says that it is packed, but cannot be unpacked.") from error
