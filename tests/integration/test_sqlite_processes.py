"""SQLite under web, workers and schedulers as processes of their own: everybody waits for the one writer."""

from __future__ import annotations

import pytest

from app.bench import blast
from app.bench.cluster import Cluster, Shape, running
from app.bench.stub import Kind, StubServer
from app.bench.traffic import UNLIMITED
from app.bench.webhooks import Sender, Text
from tests.app.relay.world import eventually

REQUESTS, TOGETHER, CONVERSATIONS = 150, 2, 60
#: What SQLite says to whom it refuses, and what the relay's log calls it.
REFUSALS = ("database is locked", "database_away", "OperationalError")


@pytest.mark.slow
@pytest.mark.xdist_group("crowd")
@pytest.mark.timeout(180)
def test_no_transaction_is_refused_under_load() -> None:
    shape = Shape(webs=1, web_processes=2, workers=2, media=1, schedulers=2, threads=8)
    with (
        StubServer(latency=0.005) as stub,
        running(
            shape,
            database="sqlite",
            broker="embedded",
            settings={"hubspot_api_url": stub.url, **UNLIMITED},
            simulator=False,
            messengers=("loopback",),
        ) as cluster,
    ):
        outcome = blast.send(customers(cluster), Sender(cluster).port, connections=32)
        assert outcome.statuses == {200: REQUESTS}
        assert outcome.lost == 0
        eventually(lambda: stub.counts()[Kind.PUBLISH] == REQUESTS * TOGETHER, within=100)
        written = "".join(one.read_text() for one in (cluster.folder / "logs").iterdir())
        assert [word for word in REFUSALS if word in written] == []


def customers(cluster: Cluster) -> list[bytes]:
    """Deliveries of several messages, each in another conversation."""
    sender = Sender(cluster)
    names = [f"c{number % CONVERSATIONS}" for number in range(REQUESTS * TOGETHER)]
    return [sender.loopback([Text(one, "Hello") for one in names[at::REQUESTS]]) for at in range(REQUESTS)]
