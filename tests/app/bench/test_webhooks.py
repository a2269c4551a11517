from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from app.bench import blast
from app.bench.cluster import Cluster, Shape, running
from app.bench.webhooks import Sender, Text
from app.storage.tables import lanes, messages, unopened
from tests.servers.presence import Server, require


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    require(Server.REDIS)
    shape = Shape(workers=0, media=0, schedulers=0)
    with running(shape, database="sqlite", simulator=False, messengers=("loopback",)) as found:
        yield found


def count(cluster: Cluster, kind: str) -> int:
    of_kind = messages.join(lanes, lanes.c.id == messages.c.lane_id)
    with cluster.services.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(unopened)) == 0
        return int(connection.scalar(select(func.count()).select_from(of_kind).where(lanes.c.kind == kind)) or 0)


def test_the_relay_understands_what_both_sides_send(cluster: Cluster) -> None:
    sender = Sender(cluster)
    texts = [Text("dana", "Hello"), Text("dana", "again"), Text("kim", "Hello")]
    outcome = blast.send([sender.loopback(texts), *(sender.hubspot(one) for one in texts)], sender.port)
    assert outcome.is_clean
    assert count(cluster, "inbound") == 3
    assert count(cluster, "outbound") == 3
