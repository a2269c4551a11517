from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from kombu import Connection, Queue

from app.bench.servers.process import ServerProcess
from app.doorbell import QUEUE_LANES, QUEUE_MEDIA, TASK_DRAIN_LANE, TASK_PREPARE_MEDIA, Doorbell, Ring, queues
from tests.servers.rabbitmq_server import RabbitmqServer


@dataclass(frozen=True)
class Broker:
    """A real broker, and the address of an empty place on it."""

    server: ServerProcess
    url: str


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("redis", "rabbitmq")])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Once each kind, with its queues as workers leave them: making one takes longer than finding it."""
    url = str(request.getfixturevalue(f"{request.param}_url"))
    server = request.getfixturevalue(f"{request.param}_server")
    with Connection(url) as connection:
        for queue in queues(url):
            queue(connection.default_channel).declare()
    if isinstance(server, RabbitmqServer):
        server.settle()
    return Broker(server, url)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time for a slow machine's broker, and no quiet time after a failure, where neither is the subject."""
    monkeypatch.setattr("app.doorbell._TIMEOUT", 5.0)
    monkeypatch.setattr("app.doorbell._QUIET", 0.0)


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


def queued(url: str, name: str) -> list[tuple[str, list[int]]]:
    """Take what waits in a queue: the tasks' names and arguments, the first first."""
    with Connection(url) as connection:
        queue = next(one for one in queues(url) if one.name == name)(connection.default_channel)
        return [(one.headers["task"], one.payload[0]) for one in iter(lambda: queue.get(no_ack=True), None)]


def until(outcome: Ring, bell: Doorbell, number: int = 0) -> None:
    """Ring until this comes of it."""
    deadline = time.monotonic() + 30
    while (found := bell.ring(number)) is not outcome:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


@pytest.mark.usefixtures("patient")
def test_a_ring_is_one_task_with_an_id_and_nothing_else(broker: Broker) -> None:
    bell = Doorbell(broker.url)
    assert (bell.ring(7), bell.ring_media(9)) == (Ring.RUNG, Ring.RUNG)
    assert queued(broker.url, QUEUE_LANES) == [(TASK_DRAIN_LANE, [7])]
    assert queued(broker.url, QUEUE_MEDIA) == [(TASK_PREPARE_MEDIA, [9])]
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


@contextmanager
def paused(server: ServerProcess) -> Iterator[None]:
    """A server that takes connections and says nothing, in the middle of what it does."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_a_broker_that_is_paused_costs_a_fifth_of_a_second_once(broker: Broker) -> None:
    bell = Doorbell(broker.url)
    until(Ring.RUNG, bell)
    with paused(broker.server):
        rings, seconds = measured(bell)
    assert rings == [Ring.FAILED] + [Ring.SKIPPED] * 19
    assert seconds < 0.6
    until(Ring.RUNG, bell)
    bell.close()


@pytest.mark.usefixtures("patient")
def test_a_broker_that_comes_back_is_rung_again(broker: Broker) -> None:
    bell = Doorbell(broker.url)
    assert bell.ring(1) is Ring.RUNG
    broker.server.kill()
    assert bell.ring(2) is Ring.FAILED
    broker.server.start()
    until(Ring.RUNG, bell, 3)
    assert (TASK_DRAIN_LANE, [3]) in queued(broker.url, QUEUE_LANES)
    bell.close()


def states(server: RabbitmqServer) -> list[str]:
    """The states of all connections to a RabbitMQ."""
    return server.control("list_connections", "--no-table-headers", "state").split()


@contextmanager
def full(server: RabbitmqServer, bell: Doorbell) -> Iterator[None]:
    """A RabbitMQ with so little memory that its alarm is on; it reads no message more from whoever sent one."""
    server.control("set_vm_memory_high_watermark", "0.0000001")
    try:
        until(Ring.FAILED, bell)
        yield
    finally:
        server.start()
        server.control("set_vm_memory_high_watermark", "0.4")


@pytest.mark.usefixtures("patient")
def test_a_full_rabbitmq_is_left_alone_until_it_says_otherwise(
    rabbitmq_server: RabbitmqServer, rabbitmq_url: str
) -> None:
    bell = Doorbell(rabbitmq_url)
    assert bell.ring(1) is Ring.RUNG
    with full(rabbitmq_server, bell):
        assert {bell.ring(2) for _ in range(20)} == {Ring.SKIPPED}
        assert states(rabbitmq_server) == ["blocked"]  # and none besides: it would not notice that they are closed
    until(Ring.RUNG, bell)
    assert states(rabbitmq_server) == ["running"]
    bell.close()


@pytest.mark.long
@pytest.mark.usefixtures("patient")
def test_a_full_rabbitmq_that_is_killed_is_rung_when_it_is_back(
    rabbitmq_server: RabbitmqServer, rabbitmq_url: str
) -> None:
    bell = Doorbell(rabbitmq_url)
    assert bell.ring(1) is Ring.RUNG
    rabbitmq_server.settle()
    with full(rabbitmq_server, bell):
        rabbitmq_server.kill()
        assert bell.ring(2) is Ring.FAILED
    until(Ring.RUNG, bell)
    bell.close()


@pytest.mark.usefixtures("patient")
def test_on_rabbitmq_every_queue_is_a_quorum_queue(rabbitmq_server: RabbitmqServer, rabbitmq_url: str) -> None:
    bell = Doorbell(rabbitmq_url)
    assert (bell.ring(7), bell.ring_media(9)) == (Ring.RUNG, Ring.RUNG)
    vhost = rabbitmq_url.rpartition("/")[2]
    listed = rabbitmq_server.control("list_queues", "--no-table-headers", "--vhost", vhost, "name", "type")
    assert sorted(listed.splitlines()) == [f"{QUEUE_LANES}\tquorum", f"{QUEUE_MEDIA}\tquorum"]
    bell.close()


def test_a_login_that_is_refused_raises_nothing(rabbitmq_url: str) -> None:
    bell = Doorbell(rabbitmq_url.replace("guest:guest", "guest:wrong"))
    assert bell.ring(1) is Ring.FAILED
    assert not bell.is_answering()
    bell.close()


@pytest.mark.usefixtures("patient")
def test_a_queue_of_another_type_raises_nothing(rabbitmq_url: str) -> None:
    with Connection(rabbitmq_url) as connection:
        Queue(QUEUE_LANES, routing_key=QUEUE_LANES)(connection.default_channel).declare()
    bell = Doorbell(rabbitmq_url)
    assert bell.ring(1) is Ring.FAILED
    bell.close()
