"""Workers beside a cluster's own, started and ended while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import redis

from app.bench.cluster import Cluster
from app.bench.failure import BenchFailed
from app.doorbell import QUEUE_LANES
from app.embedded.supervise import Role, Supervisor, relay_command

#: Seconds until workers that were started take rings.
_PATIENCE = 30.0


class CrewError(BenchFailed):
    """Workers were started and take no rings."""


@contextmanager
def workers(cluster: Cluster, count: int) -> Iterator[None]:
    """Run so many more workers for lanes until the end of the block. The broker has to be a Redis.

    Raises:
        CrewError: they did not start.
    """
    crew = Supervisor(cluster.environment, in_a_hurry=True)
    log = cluster.folder / "logs" / "crew.log"
    command = ["/bin/sh", "-c", 'exec "$@" >>"$0" 2>&1', str(log), *relay_command("worker", "--queues", QUEUE_LANES)]
    try:
        with closing(redis.Redis.from_url(cluster.settings.broker_url)) as broker:
            wanted = _waiting(broker) + count
            for number in range(count):
                crew.start(Role(f"crew {number}", command))
            _wait(broker, wanted)
        yield
    finally:
        crew.stop()


def _wait(broker: redis.Redis, wanted: int) -> None:
    """Wait until so many workers wait for rings."""
    deadline = time.monotonic() + _PATIENCE
    while _waiting(broker) < wanted:
        if time.monotonic() > deadline:
            raise CrewError("Workers were started and do not all take rings: see the cluster's logs.")
        time.sleep(0.05)


def _waiting(broker: redis.Redis) -> int:
    return sum(one["cmd"] == "brpop" for one in broker.client_list())
