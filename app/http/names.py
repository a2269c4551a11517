"""Hosts to addresses: in bounded time, and only to addresses that may be called."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeAlias

import httpcore

from app.errors import Rejected

#: Finds a host's addresses, best first; raises OSError.
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]

#: The standard library calls these global. The first serves protocols (RFC 6890), the second is how virtual machines
#: in Azure reach their platform.
_NOT_PUBLIC = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("168.63.129.16/32"))
#: All public IPv6 addresses begin so (RFC 4291), but for those that carry an IPv4 address in their last four bytes
#: (NAT64, RFC 6052).
_UNICAST = ipaddress.ip_network("2000::/3")
_CARRIERS = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(Rejected):
    """The address may not be called: malformed, not HTTP, or private where only public ones are allowed."""

    code = "address_refused"


class Names:
    """Looks hosts up.

    The system's resolver cannot be given a time, so each look-up runs in a thread of its own and callers stop waiting.
    Callers of one host share a look-up: one dead name server costs one thread, and other hosts are not held up.
    """

    def __init__(self, resolver: Resolver) -> None:
        """Take the function that looks up."""
        self._resolver = resolver
        self._running: dict[tuple[str, int], Future[Sequence[str]]] = {}
        self._lock = threading.Lock()

    def find(self, host: str, port: int, *, timeout: float, private: bool) -> Sequence[str]:
        """Return the host's addresses, within ``timeout`` seconds.

        Raises:
            httpcore.ConnectTimeout, httpcore.ConnectError: there was no answer, or no address.
            AddressRefused: an address is not public, and ``private`` ones are not allowed.
        """
        addresses = [host] if _is_literal(host) else self._look_up(host, port, timeout)
        if not addresses:
            raise httpcore.ConnectError("has no address")
        if not private and not all(is_public(address) for address in addresses):
            raise AddressRefused(
                f"{host} is not a public address. If it is yours, name it in RELAY_ALLOWED_PRIVATE_HOSTS."
            )
        return addresses

    def _look_up(self, host: str, port: int, timeout: float) -> Sequence[str]:
        try:
            return self._shared(host, port).result(timeout)
        except TimeoutError:
            raise httpcore.ConnectTimeout("was not found by DNS in time") from None
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("is not known to DNS") from None

    def _shared(self, host: str, port: int) -> Future[Sequence[str]]:
        key = (host, port)
        with self._lock:
            running = self._running.get(key)
            if running is None:
                running = self._running[key] = Future()
                threading.Thread(target=self._run, args=(key, running), name="dns", daemon=True).start()
            return running

    def _run(self, key: tuple[str, int], future: Future[Sequence[str]]) -> None:
        try:
            addresses = self._resolver(*key)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the callers
            self._forget(key)
            future.set_exception(error)
        else:
            self._forget(key)
            future.set_result(addresses)

    def _forget(self, key: tuple[str, int]) -> None:
        """Before the callers know: one that asks again must not find the old answer."""
        with self._lock:
            del self._running[key]


def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet, also when it is wrapped into an IPv6 address."""
    parsed = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if isinstance(parsed, ipaddress.IPv6Address):
        return parsed in _UNICAST and parsed.is_global
    return parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _NOT_PUBLIC)


def _unwrapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address leads to, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _CARRIERS:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
