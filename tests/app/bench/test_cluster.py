from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.bench import scene
from app.bench.cluster import BrokerKind, Cluster, DatabaseKind, Shape, running
from app.http import Http
from tests.servers.presence import Server, require

pytestmark = pytest.mark.xdist_group("crowd")

#: What a worker had in hand when it was killed is taken up again after the lease.
SHORT = {"lease": "4", "call_timeout": "2"}


def eventually(check: Callable[[], object], *, within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"


@contextmanager
def small(**more: object) -> Iterator[Cluster]:
    kinds = {"database": DatabaseKind.SQLITE, "broker": BrokerKind.EMBEDDED, "settings": SHORT}
    with running(Shape(threads=4), **{**kinds, **more}) as cluster:  # type: ignore[arg-type]
        yield cluster


def hears(cluster: Cluster, text: str) -> bool:
    with closing(Http(call_timeout=5.0)) as http:
        threads = scene.ask(http, "GET", f"{cluster.page}/_sim/threads")
        return any(one["lastMessage"] and one["lastMessage"]["text"] == text for one in threads)


def say(cluster: Cluster, text: str) -> None:
    account = next(one for one in cluster.accounts if one.connector == "loopback")
    body = {"account": account.name, "conversation": "dana", "name": "Dana", "text": text}
    with closing(Http(call_timeout=5.0)) as http:
        scene.ask(http, "POST", f"{cluster.page}/_sim/loopback/say", body)


def test_a_message_travels_and_a_role_that_is_killed_comes_back() -> None:
    with small() as cluster:
        say(cluster, "Hello")
        eventually(lambda: hears(cluster, "Hello"))
        killed = cluster.kill("worker 1")
        assert killed is not None
        eventually(lambda: cluster.pids().get("worker 1") not in {None, killed})
        say(cluster, "Still there?")
        eventually(lambda: hears(cluster, "Still there?"))


def test_nothing_is_left_after_an_error() -> None:
    pids: list[int] = []
    folder = Path()
    with contextlib.suppress(KeyboardInterrupt), small() as cluster:
        pids = list(cluster.pids().values())
        folder = cluster.folder
        raise KeyboardInterrupt
    assert len(pids) == 4
    assert [pid for pid in pids if is_alive(pid)] == []
    assert not folder.exists()


def test_a_kept_folder_holds_what_each_role_wrote() -> None:
    with small(keep=True, simulator=False) as cluster:
        folder = cluster.folder
    logs = {file.stem for file in (folder / "logs").iterdir()}
    shutil.rmtree(folder)
    assert logs == {"web-1", "worker-1", "media-1", "scheduler-1"}


@pytest.mark.long
def test_several_of_each_role_work_together_on_real_servers() -> None:
    require(Server.REDIS)
    require(Server.POSTGRESQL)
    shape = Shape(webs=2, workers=2, schedulers=2, threads=4)
    with running(shape, portals=2, settings={"lease": "41"}) as cluster:
        assert [(one.connector, one.portal_id) for one in cluster.accounts] == [
            (connector, portal) for portal in (4_700_001, 4_700_002) for connector in scene.MESSENGERS
        ]
        assert cluster.settings.lease == 41
        assert cluster.environment["RELAY_LEASE"] == "41"
        names = {"web 1", "web 2", "worker 1", "worker 2", "media 1", "scheduler 1", "scheduler 2"}
        assert set(cluster.pids()) == names
        for number in range(4):
            say(cluster, f"Number {number}")
        eventually(lambda: hears(cluster, "Number 3"))
        assert accepted(cluster.webs[1]) == 4


def accepted(web: str) -> int:
    """Return how many of the loopback service's webhooks were taken, which any web tells of all."""
    with closing(Http(call_timeout=5.0)) as http:
        lines = http.request("GET", f"{web}/metrics").text.splitlines()
    wanted = [one for one in lines if "webhooks_total" in one and 'source="loopback"' in one]
    return round(sum(float(one.rpartition(" ")[2]) for one in wanted))
