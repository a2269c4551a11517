"""Calls to other people's HTTP servers. The only place that imports httpx and httpcore.

What it promises, and those libraries alone do not:

- ONE deadline for a whole call: DNS, connecting, TLS, writing, headers and body. httpx's own time-outs hold for a
  single read: a server that drips its answer keeps a thread for as long as it likes.
- A connection serves one call at a time and waits on a stack, for one shared pool searches itself at every call
  (github.com/encode/httpx/issues/3215): with 200 calls at once that is ten times slower.
- An error says whether the request may have arrived: before its first byte was written a call raises ``unavailable``,
  after that ``OutcomeUnknown``.
- ``public_only`` refuses private addresses on every hop, and connects to the very address that was checked.

Proxies from the environment are not used. Hints name the host, never the path: it may hold a token.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO, Final, NoReturn, TypeAlias
from urllib.parse import urljoin

import httpcore
import httpx

from app.errors import MessageInvalid, OutcomeUnknown, ResponseUnexpected, ServiceUnavailable, Transient
from app.http.answers import Response, TooLarge, headers_of, read, read_beginning
from app.http.names import AddressRefused, Names, Resolver, resolve
from app.http.wire import Line, Stack

__all__ = ["BODY_LIMIT", "AddressRefused", "Files", "Http", "Response", "TooLarge"]

#: Largest body of an answer (bytes) where a call names no other limit.
BODY_LIMIT: Final = 16_000_000

#: Files of a form: field name to (file name, content, media type). An open file is streamed.
Files: TypeAlias = Mapping[str, tuple[str, bytes | BinaryIO, str]]

#: Of the answer to a refused download so much is kept (bytes): enough for an error in JSON.
_REFUSAL_LIMIT = 64_000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Http:
    """Makes calls. One instance serves all threads of a process; make it after a fork."""

    def __init__(
        self,
        *,
        allowed_private_hosts: Iterable[str] = (),
        call_timeout: float = 20.0,
        user_agent: str = "hubspot-relay",
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take what all calls have in common; ``call_timeout`` in seconds, ``tls`` None: the usual authorities."""
        self._allowed = frozenset(host.lower() for host in allowed_private_hosts)
        self._timeout = call_timeout
        self._headers = {"accept": "*/*", "accept-encoding": "identity", "user-agent": user_agent}
        self._stack = Stack(Names(resolver), tls or _usual_authorities())

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | None = None,
        files: Files | None = None,
        content: bytes | Iterable[bytes] | None = None,
        timeout: float | None = None,
        limit: int | None = None,
        unavailable: type[Transient] = ServiceUnavailable,
        follow: int = 0,
        public_only: bool = False,
    ) -> Response:
        """Make one call and read its answer, within ``timeout`` seconds and ``limit`` (``BODY_LIMIT``) bytes.

        ``params`` are added to the address's own. ``data`` is a form, with ``files`` a multipart one; ``content`` is
        sent as it is. Up to ``follow`` redirects are followed, for GET and HEAD only; else the 3xx is the answer.

        Raises:
            Transient: of the class ``unavailable``; the request was not written.
            OutcomeUnknown: it was written, but no whole answer came.
            AddressRefused, TooLarge, MessageInvalid, ResponseUnexpected: trying again cannot help.
        """
        call = _Call.start(timeout or self._timeout, unavailable=unavailable, public_only=public_only)
        body = _Body(json=json, data=data, files=files, content=content)
        target = _Target(method.upper(), _parse(url, params), headers or {})
        with self._follow(call, target, body, follow=follow) as answer:
            received = b"".join(read(answer, limit=BODY_LIMIT if limit is None else limit, host=call.host))
        return _response(answer, received, call)

    def download(
        self,
        url: str,
        target: BinaryIO,
        *,
        limit: int,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        unavailable: type[Transient] = ServiceUnavailable,
        follow: int = 0,
        public_only: bool = False,
    ) -> Response:
        """Write a resource of at most ``limit`` bytes to ``target``; the response's body stays empty.

        An answer other than 2xx is not written: its first bytes are the response's body. Where the server tells the
        size, ``TooLarge`` comes before the first byte. Fetching changes nothing, so a lost connection is
        ``unavailable`` at any time; ``target`` may hold a part of the resource then.

        Raises:
            Transient: of the class ``unavailable``.
            AddressRefused, TooLarge, MessageInvalid, ResponseUnexpected: trying again cannot help.
        """
        call = _Call.start(timeout or self._timeout, unavailable=unavailable, public_only=public_only, harmless=True)
        with self._follow(call, _Target("GET", _parse(url), headers or {}), _Body(), follow=follow) as answer:
            if not httpx.codes.is_success(answer.status):
                return _response(answer, read_beginning(answer, limit=_REFUSAL_LIMIT), call)
            # A spooled file's writelines() keeps all of it in memory before it looks whether that is too much.
            for piece in read(answer, limit=limit, host=call.host):  # noqa: FURB122
                target.write(piece)
        return _response(answer, b"", call)

    def lasting(self, seconds: float) -> Http:
        """Return the same with another time for each call: a large file takes longer than a text."""
        longer = copy(self)
        longer._timeout = seconds  # noqa: SLF001 - of its own class
        return longer

    def close(self) -> None:
        """Close the connections."""
        self._stack.close()

    @contextmanager
    def _follow(self, call: _Call, target: _Target, body: _Body, *, follow: int) -> Iterator[httpcore.Response]:
        """Yield the first answer that is not a redirect to be followed."""
        follow = follow if target.method in {"GET", "HEAD"} else 0
        for _ in range(follow + 1):
            with self._exchange(call, target, body) as answer:
                location = headers_of(answer).get("location")
                if not follow or location is None or answer.status not in _REDIRECTS:
                    yield answer
                    return
            target = target.redirected(location)
        raise ResponseUnexpected(f"{call.host} redirects more often than {follow} times.")

    @contextmanager
    def _exchange(self, call: _Call, target: _Target, body: _Body) -> Iterator[httpcore.Response]:
        """Send a request and yield the answer, whose body is not read yet. The connection is kept if it can be."""
        request = _encode(target, body, self._headers)
        call.host = target.url.host
        line = self._stack.take(request.url.origin, public=call.public_only)
        private = not call.public_only or call.host.lower() in self._allowed
        line.wire.begin(call.deadline, private=private)
        try:
            with closing(line.connection.handle_request(request)) as answer:
                yield answer
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            call.fail(error, line)
        finally:
            self._stack.put(line)


@cache
def _usual_authorities() -> ssl.SSLContext:
    """Return what trusts the usual authorities: reading their certificates takes sixteen milliseconds."""
    return httpx.create_ssl_context()


@dataclass(frozen=True)
class _Body:
    """What a request carries; all None: nothing."""

    json: Any = None
    data: Mapping[str, Any] | None = None
    files: Files | None = None
    content: bytes | Iterable[bytes] | None = None


@dataclass(frozen=True)
class _Target:
    """Where a request goes, and its own headers."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]

    def redirected(self, location: str) -> _Target:
        """Return the next hop. Headers may hold credentials, so another origin gets none of them."""
        url = _parse(urljoin(str(self.url), location))
        same = (url.scheme, url.host, url.port) == (self.url.scheme, self.url.host, self.url.port)
        return _Target(self.method, url, self.headers if same else {})


@dataclass
class _Call:
    """One call with all its redirects. ``host`` is the one that it talks to now."""

    started: float
    deadline: float
    unavailable: type[Transient]
    public_only: bool
    harmless: bool
    host: str = ""

    @classmethod
    def start(cls, timeout: float, *, unavailable: type[Transient], public_only: bool, harmless: bool = False) -> _Call:
        """Begin now; ``harmless``: the call changes nothing at the other side."""
        now = time.monotonic()
        return cls(now, now + timeout, unavailable, public_only, harmless)

    def fail(self, error: Exception, line: Line) -> NoReturn:
        """Raise what a lost connection means."""
        late = isinstance(error, httpcore.TimeoutException)
        if not line.wire.written:
            if isinstance(error, httpcore.LocalProtocolError):
                raise MessageInvalid("The request cannot be written: a header, maybe a token, is malformed.") from error
            what = str(error) or ("could not be reached in time" if late else "closed the connection")
            raise self.unavailable(f"{self.host} {what}.", detail=type(error).__name__) from error
        what = "did not finish its answer in time" if late else "closed the connection before its answer was complete"
        if self.harmless:
            raise self.unavailable(f"{self.host} {what}.", detail=type(error).__name__) from error
        hint = f"{self.host} {what}: the request may have arrived."
        raise OutcomeUnknown(hint, detail=type(error).__name__) from error


def _parse(url: str, params: Mapping[str, Any] | None = None) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise AddressRefused("The address to call cannot be read: check how it is written.") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise AddressRefused("The address to call does not begin with https:// and a host.")
    return parsed.copy_merge_params(params) if params else parsed


def _encode(target: _Target, body: _Body, common: Mapping[str, str]) -> httpcore.Request:
    try:
        headers = httpx.Headers({**common, **{name.lower(): value for name, value in target.headers.items()}})
    except UnicodeEncodeError as error:
        raise MessageInvalid("The request cannot be written: a header, maybe a token, is malformed.") from error
    request = httpx.Request(
        target.method,
        target.url,
        headers=headers,
        content=body.content,
        data=dict(body.data) if body.data is not None else None,
        files=dict(body.files) if body.files is not None else None,
        json=body.json,
    )
    url = httpcore.URL(
        scheme=target.url.raw_scheme, host=target.url.raw_host, port=target.url.port, target=target.url.raw_path
    )
    return httpcore.Request(request.method, url, headers=request.headers.raw, content=request.stream)


def _response(answer: httpcore.Response, body: bytes, call: _Call) -> Response:
    return Response(answer.status, headers_of(answer), body, time.monotonic() - call.started)
