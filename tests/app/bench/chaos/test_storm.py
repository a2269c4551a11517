from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from app.bench.chaos import calm
from app.bench.chaos.plan import Blow, Kind, Plan, Size
from app.bench.chaos.storm import Storm
from app.bench.cluster import BrokerKind, Cluster, DatabaseKind, Shape, running
from app.bench.load import Pace
from app.embedded import EmbeddedBroker

pytestmark = pytest.mark.xdist_group("crowd")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(Shape(workers=2, threads=4), database=DatabaseKind.SQLITE, broker=BrokerKind.EMBEDDED) as found:
        yield found


def rage(cluster: Cluster, *blows: Blow) -> Storm:
    storm = Storm(cluster, Plan(1, Size(), blows, [], []), Pace())
    storm.rage()
    return storm


def state(pid: int) -> str:
    """Return the kernel's letter for what a process does; T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


@pytest.mark.long
def test_who_is_killed_is_missed_until_somebody_else_is_back(cluster: Cluster) -> None:
    before = cluster.pids()
    storm = rage(cluster, Blow(0.0, Kind.KILL, "worker 1"), Blow(0.1, Kind.KILL, "scheduler 1"))
    assert storm.killed == {before["worker 1"], before["scheduler 1"]}
    assert calm.missing_roles(cluster, list(storm.killed)) == []
    after = cluster.pids()
    assert {name for name in after if after[name] != before[name]} == {"worker 1", "scheduler 1"}
    assert calm.missing_now(cluster, [after["media 1"]]) == ["media 1"]


@pytest.mark.long
def test_all_roles_come_back(cluster: Cluster) -> None:
    before = cluster.pids()
    storm = rage(cluster, Blow(0.0, Kind.KILL_ALL))
    assert storm.killed == set(before.values())
    assert calm.missing_roles(cluster, list(storm.killed)) == []


def test_a_frozen_worker_is_deaf_until_its_time_is_over(cluster: Cluster) -> None:
    calm.missing_roles(cluster, [])
    pid = cluster.pids()["worker 2"]
    seen: list[tuple[str, list[str]]] = []

    class Watched(Storm):
        def look(self) -> None:
            seen.append((state(pid), calm.missing_now(cluster, [])))

    storm = Watched(cluster, Plan(1, Size(), [Blow(0.0, Kind.FREEZE, "worker 2", 8.0)], [], []), Pace())
    storm.later(0.5, storm.look)
    storm.rage()
    assert seen == [("T", ["1 of the worker processes do not listen"])]
    assert state(pid) != "T"
    assert calm.missing_roles(cluster, []) == []


def test_the_embedded_broker_is_wiped_killed_and_started_again(cluster: Cluster) -> None:
    broker = cluster.backing.limiter
    assert isinstance(broker, EmbeddedBroker)
    assert broker.process is not None
    before = broker.process.pid
    with closing(redis.Redis.from_url(broker.url)) as client:
        client.set("kept", "1")
        rage(cluster, Blow(0.0, Kind.WIPE))
        assert client.get("kept") is None
    rage(cluster, Blow(0.0, Kind.KILL_BROKER))
    assert calm.missing_roles(cluster, []) == []
    assert broker.process.pid != before


def test_an_idle_relay_is_drained_at_once(cluster: Cluster) -> None:
    calm.missing_roles(cluster, [])
    drained = calm.wait_until_drained(cluster)
    assert drained.left == ""
    assert drained.beyond <= drained.seconds < calm.PATIENCE
