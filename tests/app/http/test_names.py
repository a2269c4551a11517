from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpcore
import pytest

from app.errors import ServiceUnavailable
from app.http import AddressRefused, Http
from app.http.names import Names, is_public, resolve


class HangingResolver:
    """Never answers for one host until it is released."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        if host == "dead.example":
            self.released.wait(20)
        return ["127.0.0.1"]


@pytest.fixture
def hanging() -> Iterator[HangingResolver]:
    resolver = HangingResolver()
    yield resolver
    resolver.released.set()


def test_a_dead_name_server_ends_with_the_call(hanging: HangingResolver) -> None:
    http = Http(resolver=hanging)
    started = time.monotonic()
    with pytest.raises(ServiceUnavailable, match=r"dead\.example was not found by DNS in time"):
        http.request("POST", "https://dead.example/", timeout=0.3)
    assert time.monotonic() - started < 0.6
    http.close()


def test_callers_of_a_dead_host_share_a_thread_and_others_are_not_held_up(hanging: HangingResolver) -> None:
    names = Names(hanging)

    def ask(_number: int) -> str:
        with pytest.raises(httpcore.ConnectTimeout):
            names.find("dead.example", 443, timeout=0.3, private=True)
        return "late"

    with ThreadPoolExecutor(8) as pool:
        late = pool.map(ask, range(8))
        assert names.find("well.example", 443, timeout=5, private=True) == ["127.0.0.1"]
        assert list(late) == ["late"] * 8
    assert hanging.asked.count("dead.example") == 1


def test_a_failed_look_up_is_not_remembered() -> None:
    answers: list[list[str] | OSError] = [socket.gaierror(-2, "unknown"), ["192.0.2.7"]]

    def resolver(_host: str, _port: int) -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    names = Names(resolver)
    with pytest.raises(httpcore.ConnectError, match="not known to DNS"):
        names.find("new.example", 80, timeout=5, private=True)
    assert names.find("new.example", 80, timeout=5, private=True) == ["192.0.2.7"]


def test_one_private_address_among_public_ones_is_refused() -> None:
    names = Names(lambda _host, _port: ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(AddressRefused):
        names.find("mixed.example", 80, timeout=5, private=False)


def test_public_addresses_are_returned() -> None:
    names = Names(lambda _host, _port: ["8.8.8.8", "2606:4700::1111"])
    assert names.find("good.example", 80, timeout=5, private=False) == ["8.8.8.8", "2606:4700::1111"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "233.252.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "2001:db8::1",
        "::127.0.0.1",
    ],
)
def test_addresses_that_are_not_of_the_public_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "149.154.167.220", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::"]
)
def test_addresses_of_the_public_internet(address: str) -> None:
    assert is_public(address)


def test_the_systems_resolver_names_each_address_once() -> None:
    found = resolve("localhost", 80)
    assert "127.0.0.1" in found or "::1" in found
    assert len(found) == len(set(found))
