from __future__ import annotations

import multiprocessing
import socket

import httpx
import pytest

from app.simulator.server import SimulatorServer, serve
from tests.app.simulator.receiver import eventually
from tests.app.simulator.scene import settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_sim/state").is_success
    except httpx.TransportError:
        return False


def test_a_server_in_a_thread_ends_with_open_streams() -> None:
    with SimulatorServer(settings()) as server, httpx.stream("GET", f"{server.url}/_sim/events") as stream:
        assert stream.status_code == 200
        assert server.world.base_url == server.url
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url)


@pytest.mark.slow
def test_a_server_of_its_own_keeps_connections_resets_them_on_demand_and_ends_its_streams() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(settings(), "127.0.0.1", port))
    process.start()
    try:
        eventually(lambda: answers(url))
        with httpx.Client(base_url=url) as client:
            assert client.get("/_sim/state").headers.get("Connection") != "close"
            rule = {"api": "hubspot", "times": 1, "fault": {"kind": "reset_before"}}
            assert client.post("/_sim/faults", json=rule).status_code == 201
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                client.get("/conversations/v3/custom-channels")
            assert client.get("/conversations/v3/custom-channels").status_code == 401
            with client.stream("GET", "/_sim/events") as stream:
                assert stream.status_code == 200
                process.terminate()
                assert stream.read().startswith(b"retry: 1000")  # to its end: nobody cut it off
            process.join(timeout=10)
    finally:
        process.kill()
    assert process.exitcode == 0
