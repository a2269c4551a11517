from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator

import pytest
import redis

from app.doorbell import QUEUE_LANES, QUEUE_MEDIA, TASK_DRAIN_LANE, TASK_PREPARE_MEDIA, Doorbell, Ring
from tests.servers.redis_server import RedisServer


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield int(listener.getsockname()[1])


@pytest.fixture
def dead() -> int:
    """A port that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def queued(url: str, queue: str) -> list[tuple[str, list[int]]]:
    """What waits in a queue: the tasks' names and arguments, the latest first."""
    with redis.Redis.from_url(url) as client:
        raw = client.lrange(queue, 0, -1)
    messages = [json.loads(one) for one in raw]
    bodies = [json.loads(base64.b64decode(one["body"])) for one in messages]
    return [(one["headers"]["task"], body[0]) for one, body in zip(messages, bodies, strict=True)]


def test_a_ring_is_one_task_with_an_id_and_nothing_else(redis_url: str) -> None:
    bell = Doorbell(redis_url)
    assert (bell.ring(7), bell.ring_media(9)) == (Ring.RUNG, Ring.RUNG)
    assert queued(redis_url, QUEUE_LANES) == [(TASK_DRAIN_LANE, [7])]
    assert queued(redis_url, QUEUE_MEDIA) == [(TASK_PREPARE_MEDIA, [9])]
    assert bell.is_answering()
    bell.close()


def measured(bell: Doorbell) -> tuple[list[Ring], float]:
    """Ring twenty times a second after a first failure, and measure how long that takes."""
    bell.ring(0)  # loads the transport, which is not what is measured
    bell._quiet_until = 0.0  # noqa: SLF001 - as if the quiet second were over
    started = time.monotonic()
    return [bell.ring(number) for number in range(20)], time.monotonic() - started


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_refuses_delays_nobody(dead: int, scheme: str) -> None:
    bell = Doorbell(f"{scheme}://127.0.0.1:{dead}/")
    rings, seconds = measured(bell)
    assert rings == [Ring.FAILED] + [Ring.SKIPPED] * 19
    assert seconds < 0.3
    assert not bell.is_answering()
    bell.close()


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_silent_costs_a_fifth_of_a_second_once(mute: int, scheme: str) -> None:
    bell = Doorbell(f"{scheme}://127.0.0.1:{mute}/")
    rings, seconds = measured(bell)
    assert rings == [Ring.FAILED] + [Ring.SKIPPED] * 19
    assert seconds < 0.6
    bell.close()


def test_a_broker_that_comes_back_is_rung_again(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.doorbell._QUIET", 0.05)
    bell = Doorbell(redis_server.url)
    assert bell.ring(1) is Ring.RUNG
    redis_server.stop()
    assert bell.ring(2) is Ring.FAILED
    redis_server.start()
    deadline = time.monotonic() + 10
    while bell.ring(3) is not Ring.RUNG:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (TASK_DRAIN_LANE, [3]) in queued(redis_server.url, QUEUE_LANES)
    bell.close()
