"""Flower by the Procfile's line: it asks for the password, and shows queues and runs under names that say something."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.bench.servers.process import free_port
from app.doorbell import QUEUE_LANES, TASK_DRAIN_LANE
from tests.e2e.processes import People, eventually, running_demo
from tests.servers.redis_server import RedisServer

PASSWORD = "a password for flower"
PROCFILE = Path(__file__).parents[2] / "Procfile"


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer) -> Iterator[People]:
    with running_demo(monkeypatch, broker_url=redis_server.url, worker_events="true") as found:
        yield found


@pytest.fixture
def flower(people: People) -> Iterator[str]:
    """Flower as the Procfile starts it. Returns its address."""
    port = free_port()
    broker = people.demo.machine.settings.broker_url
    environment = {**os.environ, "PORT": str(port), "RELAY_FLOWER_PASSWORD": PASSWORD, "RELAY_BROKER_URL": broker}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    line = next(one for one in PROCFILE.read_text().splitlines() if one.startswith("flower:"))
    command = f"exec {line.removeprefix('flower:').strip()}"
    process = subprocess.Popen(["/bin/sh", "-c", command], env=environment, start_new_session=True)  # noqa: S603
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@pytest.mark.timeout(120)
def test_flower_shows_the_queues_and_a_lanes_run(people: People, flower: str) -> None:
    assert shlex.quote(PASSWORD) != PASSWORD  # the Procfile's line has to survive a password with a blank
    eventually(lambda: _answers(flower), what="Flower")
    assert httpx.get(flower, timeout=10).status_code == httpx.codes.UNAUTHORIZED
    with httpx.Client(base_url=flower, auth=("relay", PASSWORD), timeout=10) as login:
        eventually(lambda: login.get("/api/workers").json(), what="the workers")
        people.say("hello")
        runs = eventually(lambda: login.get("/api/tasks").json(), what="a run")
        assert {run["name"] for run in runs.values()} == {TASK_DRAIN_LANE}
        workers = login.get("/api/workers?refresh=true").json()
        assert QUEUE_LANES in {queue["name"] for one in workers.values() for queue in one.get("active_queues") or ()}
        assert all(name.startswith(("lanes-", "media-")) for name in workers)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthcheck", timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
