"""Order under jitter, with two worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

from app.bench import cluster
from app.bench.cluster import Cluster, Shape
from app.bench.report import Report
from app.bench.trials import weather
from app.bench.trials.talk import Size, Talk
from app.bench.trials.trial import Options, Trial
from app.http import Http

#: Messages each way at full size.
MESSAGES: Final = 1000
SETTINGS: Final[Mapping[str, str]] = {"hubspot_rate": str(weather.UNLIMITED), "log_level": "ERROR"}


@contextmanager
def talking(
    options: Options, shape: Shape, settings: Mapping[str, str] = SETTINGS
) -> Iterator[tuple[Cluster, Http, Talk]]:
    """Run a relay whose APIs are slow by 0 to 50 ms, with a talk that is about to begin."""
    with (
        cluster.running(
            shape, database=options.database, broker=options.broker, settings=settings, messengers=("loopback",)
        ) as found,
        closing(Http(call_timeout=30.0)) as http,
    ):
        weather.no_limit(found, http)
        talk = Talk(found, Size(options.scaled(MESSAGES, least=50)))
        weather.jitter(found, http)
        yield found, http, talk


def run(options: Options) -> Report:
    """Let both sides write, and count."""
    with talking(options, Shape(workers=2)) as (_, _, talk):
        talk.go()
        return talk.report("Order: 0 to 50 ms of jitter at both APIs, two workers")


TRIAL: Final = Trial("order", "1,000 messages each way over 5 conversations, jitter at both APIs, two workers", run)
