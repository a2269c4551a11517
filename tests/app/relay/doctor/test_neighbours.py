from __future__ import annotations

import pytest
import redis

from app.relay.doctor.neighbours import redis_finding, skew
from app.relay.findings import Level


@pytest.mark.parametrize(
    ("apart", "level"), [(0, Level.OK), (-4, Level.OK), (6, Level.WARN), (-59, Level.WARN), (61, Level.FAIL)]
)
def test_clocks_that_differ(apart: float, level: Level) -> None:
    one = skew("clock", "HubSpot's", 1_000_000.0 + apart, 1_000_000.0)
    assert (one.level, bool(one.fix)) == (level, level is not Level.OK)


def test_a_redis_that_never_evicts(redis_url: str) -> None:
    assert redis_finding(redis_url).level is Level.OK


def test_a_redis_that_may_evict(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert redis_finding(redis_url).level is Level.OK  # without a limit of memory nothing is evicted
        client.config_set("maxmemory", "100mb")
        evicting = redis_finding(redis_url)
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")
    assert evicting.level is Level.WARN
    assert "noeviction" in evicting.fix


def test_a_redis_that_is_away() -> None:
    assert redis_finding("redis://127.0.0.1:1/0").level is Level.FAIL
