"""What HubSpot may have signed in place of what arrived: every known cause of a mismatch, as a list of guesses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice, permutations
from typing import Any
from urllib.parse import SplitResult, quote, unquote, unquote_plus, urlsplit

from app.domain.webhook import RawRequest
from app.hubspot.signature import decode_uri

#: Where the relay takes HubSpot's webhooks; what stands before it is RELAY_PUBLIC_URL.
ROUTE = "/webhooks/hubspot"

#: Orders of a query's parameters that are tried: all of them up to four.
_MOST_ORDERS = 24
#: HubSpot's bodies nest about five deep; a deeper one could grow a thousandfold when it is indented.
_DEEPEST = 16

#: Parts of a path that proxies like to take off, and headers in which some tell what they changed.
_PREFIXES = ("/relay", "/hubspot", "/hubspot-relay", "/api", "/app", "/integrations", "/bot")
_HOST_HEADERS = ("host", "x-forwarded-host", "x-original-host")
_PREFIX_HEADERS = ("x-forwarded-prefix", "x-forwarded-path", "x-script-name")
_TARGET_HEADERS = ("x-original-uri", "x-original-url", "x-rewrite-url", "x-envoy-original-path", "x-forwarded-uri")

_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?", re.ASCII)
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}", re.ASCII)
_DEFAULT_PORTS = {"https": 443, "http": 80}


class Cause(StrEnum):
    """What can be wrong."""

    SCHEME = "scheme"
    HOST = "host"
    PORT = "port"
    PREFIX = "path_prefix"
    SLASH = "slash"
    QUERY = "query"
    DECODING = "decoding"
    BODY = "body"
    SECRET = "secret"  # noqa: S105 - the word, not one
    VERSION = "version"
    CLOCK = "clock"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Keys:
    """The secrets that are taken, and by their settings' names other values that people mistake for them."""

    taken: Sequence[str] = field(repr=False)
    others: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Guess:
    """What HubSpot may have signed. ``changes`` are the causes that lead from there to what arrived, with details."""

    raw: RawRequest
    key: str = field(repr=False)
    decode: Callable[[str], str] = decode_uri
    changes: tuple[tuple[Cause, str], ...] = ()

    def but(self, cause: Cause, detail: str = "", **changes: Any) -> Guess:
        """Return the guess with one more thing changed."""
        return replace(self, changes=(*self.changes, (cause, detail)), **changes)

    def at(self, cause: Cause, url: SplitResult) -> Guess:
        """Return the guess with another address."""
        return self.but(cause, raw=replace(self.raw, url=url.geturl()))


Way = Callable[[Guess], Iterator[Guess]]


def guesses(raw: RawRequest, keys: Keys) -> Iterator[Guess]:
    """Yield what may have been signed, the likely first: as it arrived, with one change, with two of different kinds.

    Raises:
        ValueError: the address cannot be taken apart.
    """
    taken = [Guess(raw, key) for key in keys.taken if key]
    ways = _ways(raw, keys)
    for base in taken:
        yield base
        for way in ways:
            yield from way(base)
    for base in taken:
        for place, way in enumerate(ways):
            for first in way(base):
                for second in ways[place + 1 :]:
                    yield from second(first)


def _ways(raw: RawRequest, keys: Keys) -> list[Way]:
    bodies = list(_bodies(raw.body))

    def with_bodies(guess: Guess) -> Iterator[Guess]:
        for body, how in bodies:
            yield guess.but(Cause.BODY, how, raw=replace(guess.raw, body=body))

    def with_keys(guess: Guess) -> Iterator[Guess]:
        for name, value in keys.others.items():
            if value:
                yield guess.but(Cause.SECRET, name, key=value)

    return [_schemes, _ports, _hosts, _prefixes, _slashes, _decodings, _queries, with_keys, with_bodies]


def _schemes(guess: Guess) -> Iterator[Guess]:
    parts = urlsplit(guess.raw.url)
    yield guess.at(Cause.SCHEME, parts._replace(scheme="http" if parts.scheme == "https" else "https"))


def _hosts(guess: Guess) -> Iterator[Guess]:
    parts = urlsplit(guess.raw.url)
    ours = parts.netloc
    told = [guess.raw.header(name).split(",")[0].strip() for name in _HOST_HEADERS]
    bare = ours.removeprefix("www.")
    for host in dict.fromkeys([*told, *(one.partition(":")[0] for one in told), bare, f"www.{bare}", ours.lower()]):
        if _HOST.fullmatch(host) and host != ours:
            yield guess.at(Cause.HOST, parts._replace(netloc=host))


def _ports(guess: Guess) -> Iterator[Guess]:
    parts = urlsplit(guess.raw.url)
    host, _, port = parts.netloc.rpartition(":")
    host = host if port.isdecimal() else parts.netloc
    told = guess.raw.header("x-forwarded-port"), guess.raw.header("host").rpartition(":")[2]
    ports = [*(one for one in told if one.isdecimal()), str(_DEFAULT_PORTS.get(parts.scheme, 443)), "8443"]
    for netloc in dict.fromkeys([host, *(f"{host}:{one}" for one in ports)]):
        if netloc != parts.netloc:
            yield guess.at(Cause.PORT, parts._replace(netloc=netloc))


def _prefixes(guess: Guess) -> Iterator[Guess]:
    """Paths with a part more or less in front, and those that a proxy says that it was asked for."""
    parts = urlsplit(guess.raw.url)
    before, route, after = parts.path.partition(ROUTE)
    told = [f"/{guess.raw.header(name).strip('/')}" for name in _PREFIX_HEADERS if guess.raw.header(name)]
    shorter = [before[at:] for at, letter in enumerate(before) if letter == "/" and at] if route else []
    for front in (*shorter, *([""] if before else []), *(f"{one}{before}" for one in (*told, *_PREFIXES))):
        yield guess.at(Cause.PREFIX, parts._replace(path=f"{front}{route}{after}"))
    for target in (guess.raw.header(name) for name in _TARGET_HEADERS):
        if target.startswith("/") and not target.startswith("//"):
            path, _, query = target.partition("?")
            yield guess.at(Cause.PREFIX, parts._replace(path=path, query=query))


def _slashes(guess: Guess) -> Iterator[Guess]:
    parts = urlsplit(guess.raw.url)
    last = parts.path.removesuffix("/") if parts.path.endswith("/") else f"{parts.path}/"
    yield guess.at(Cause.SLASH, parts._replace(path=last))
    before, route, after = parts.path.partition(ROUTE)
    if route:
        yield guess.at(Cause.SLASH, parts._replace(path=f"{before}/{route}{after}"))


def _queries(guess: Guess) -> Iterator[Guess]:
    parts = urlsplit(guess.raw.url)
    if not parts.query:
        return
    pairs = parts.query.split("&")
    yield guess.at(Cause.QUERY, parts._replace(query="&".join(sorted(pairs))))
    yield guess.at(Cause.QUERY, parts._replace(query=""))
    for order in islice(permutations(pairs), _MOST_ORDERS):
        yield guess.at(Cause.QUERY, parts._replace(query="&".join(order)))


def _decodings(guess: Guess) -> Iterator[Guess]:
    """Other rules of what is decoded in the address, and other ways to write it."""
    url, parts = guess.raw.url, urlsplit(guess.raw.url)
    for rule in (str, unquote, unquote_plus):
        yield guess.but(Cause.DECODING, decode=rule)
    path, query = unquote(parts.path), unquote(parts.query)
    plain = [
        parts._replace(path=quote(path, safe), query=quote(query, f"{safe}=&")).geturl()
        for safe in ("/", "/:@!$'()*,;?~")
    ]
    cased = [_ESCAPE.sub(lambda one: one[0].lower(), url), _ESCAPE.sub(lambda one: one[0].upper(), url)]
    for written in (*plain, *cased, url.replace("%20", "+"), url.replace("+", "%20")):
        raw = replace(guess.raw, url=written)
        yield guess.but(Cause.DECODING, raw=raw)
        yield guess.but(Cause.DECODING, raw=raw, decode=str)


def _bodies(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Bodies that become this one when something on the way is helpful, with how they differ."""
    for other in (body.strip(), body + b"\n", body.replace(b"\r\n", b"\n"), body.replace(b"\n", b"\r\n")):
        yield other, "its white space differs"
    yield body.removeprefix(b"\xef\xbb\xbf"), "it has a byte order mark"
    yield b"", "HubSpot signed an empty one"
    if _depth(body) > _DEEPEST:
        return
    try:
        content = json.loads(body)
        for ascii_only in (False, True):
            for indent, separators in ((None, (",", ":")), (None, None), (1, None), (2, None), (4, None)):
                text = json.dumps(content, indent=indent, separators=separators, ensure_ascii=ascii_only)
                yield text.encode(), "its JSON was written anew"
    except ValueError:
        return


def _depth(body: bytes) -> int:
    """Return how deep JSON nests, at most; brackets in texts count, too."""
    level = deepest = 0
    for byte in body:
        if byte in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"]}":
            level -= 1
    return deepest
