from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import ServiceUnavailable
from app.http import Http
from tests.app.http.scripted import ScriptedServer, Visit, echo


def test_a_second_call_uses_the_same_connection(http: Http) -> None:
    with ScriptedServer(echo) as server:
        for _ in range(5):
            http.request("POST", server.url, json={})
        assert server.connections == 1


def test_a_connection_that_idled_too_long_is_not_used(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.wire.IDLE", 0.05)
    with ScriptedServer(echo) as server:
        http.request("POST", server.url)
        time.sleep(0.1)
        http.request("POST", server.url)
        assert server.connections == 2


def test_a_connection_that_the_server_closed_is_not_used(http: Http) -> None:
    gone = threading.Event()

    def once(visit: Visit) -> None:
        visit.read()
        visit.answer(b"bye")
        visit.sock.close()
        gone.set()

    with ScriptedServer(once) as server:
        for _ in range(3):
            assert http.request("POST", server.url, json={}).body == b"bye"
            assert gone.wait(5)
            gone.clear()


def test_calls_at_once_have_connections_of_their_own_and_leave_them_for_the_next(http: Http) -> None:
    together = threading.Barrier(20, timeout=10)

    def meet(visit: Visit) -> None:
        while visit.read():
            if not together.broken and together.n_waiting < 20:
                together.wait()
            visit.answer(b"ok")

    with ScriptedServer(meet) as server, ThreadPoolExecutor(20) as pool:
        for _ in range(2):
            answers = list(pool.map(lambda _: http.request("POST", server.url, json={}, timeout=10).body, range(20)))
            assert answers == [b"ok"] * 20
        assert server.connections == 20


def test_idle_connections_to_hosts_that_nobody_asks_again_are_closed(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.wire.IDLE", 0.05)
    ended = threading.Event()

    def once(visit: Visit) -> None:
        visit.read()
        visit.answer()
        if visit.read() == b"":
            ended.set()

    with ScriptedServer(once) as forgotten, ScriptedServer(echo) as other:
        http.request("GET", forgotten.url)
        deadline = time.monotonic() + 5
        while not ended.is_set() and time.monotonic() < deadline:
            http.request("GET", other.url)
            time.sleep(0.1)
    assert ended.is_set()


def test_a_closed_client_keeps_no_connection(http: Http) -> None:
    ended = threading.Event()

    def until_the_end(visit: Visit) -> None:
        while visit.read():
            visit.answer()
        ended.set()

    with ScriptedServer(until_the_end) as server:
        http.request("GET", server.url)
        http.close()
        assert ended.wait(5)


def test_the_next_address_is_tried_where_one_refuses() -> None:
    http = Http(resolver=lambda _host, _port: ["::1", "127.0.0.1"], call_timeout=5)
    with ScriptedServer(echo) as server:
        assert http.request("GET", f"http://two.example:{server.port}/").status == 200
    http.close()


def test_a_host_without_addresses_is_transient() -> None:
    http = Http(resolver=lambda _host, _port: [])
    with pytest.raises(ServiceUnavailable, match=r"none\.example has no address"):
        http.request("GET", "http://none.example/")
    http.close()
