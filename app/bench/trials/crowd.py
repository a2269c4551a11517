"""A relay before the stand-in for both APIs, for trials about how much and how soon and not about right or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from app.bench import cluster
from app.bench.cluster import Cluster, Shape
from app.bench.stub import StubServer
from app.bench.trials.trial import Options

#: The stand-in answers after this time (seconds), as an API near by.
LATENCY = 0.02
#: Messages in one webhook where many are to be queued.
TOGETHER = 100


@contextmanager
def crowded(
    options: Options, shape: Shape, settings: Mapping[str, str], *, portals: int, accounts: int
) -> Iterator[tuple[Cluster, StubServer]]:
    """Run a relay whose HubSpot and Loopback are one stub."""
    with (
        StubServer(latency=LATENCY) as stub,
        cluster.running(
            shape,
            database=options.database,
            broker=options.broker,
            settings={"hubspot_api_url": stub.url, **settings},
            simulator=False,
            portals=portals,
            accounts=accounts,
            messengers=("loopback",),
        ) as found,
    ):
        yield found, stub
