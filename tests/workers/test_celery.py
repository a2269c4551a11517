from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from celery.worker.consumer import Consumer
from kombu import Connection

from app.cli.roles import worker_command
from app.doorbell import QUEUE_LANES, QUEUE_MEDIA, QUEUES, TASK_DRAIN_LANE, TASK_PREPARE_MEDIA, Doorbell, Ring, queues
from tests.app.relay.world import basic_settings
from tests.servers.rabbitmq_server import RabbitmqServer
from workers import tasks
from workers.celery import Listener, app, configure

REPOSITORY = Path(__file__).parents[2]


def test_every_task_that_the_doorbell_sends_is_known() -> None:
    assert {TASK_DRAIN_LANE, TASK_PREPARE_MEDIA} <= set(app.tasks)
    assert {tasks.drain_lane.name, tasks.prepare_media.name} == {TASK_DRAIN_LANE, TASK_PREPARE_MEDIA}


def test_every_queue_is_known_and_no_other_is_made() -> None:
    assert {queue.name for queue in app.conf.task_queues} == set(QUEUES)
    assert app.conf.task_routes == {
        TASK_DRAIN_LANE: {"queue": QUEUE_LANES},
        TASK_PREPARE_MEDIA: {"queue": QUEUE_MEDIA},
    }
    assert app.conf.task_create_missing_queues is False


@pytest.mark.parametrize("file", ["Procfile", "docker-compose.yml"])
def test_every_queue_has_a_worker_where_it_is_deployed(file: str) -> None:
    text = (REPOSITORY / file).read_text(encoding="utf-8").replace('", "', " ")
    for queue in QUEUES:
        assert f"worker --queues {queue}" in text
    for role in ("web", "scheduler"):
        assert f"relay {role}" in text or f'"{role}"' in text


def test_celery_keeps_nothing_retries_nothing_and_times_nothing(tmp_path: Path) -> None:
    conf = configure(basic_settings(tmp_path, broker_url="redis://127.0.0.1:1/0")).conf
    assert conf.task_ignore_result
    assert not conf.result_backend
    assert not conf.task_acks_late
    assert not conf.beat_schedule
    assert conf.worker_prefetch_multiplier == 1
    assert conf.broker_connection_max_retries is None
    assert conf.broker_connection_retry_on_startup


@pytest.mark.parametrize(
    ("broker", "option"), [("redis://127.0.0.1:1/0", "socket_timeout"), ("amqp://127.0.0.1:1//", "confirm_publish")]
)
def test_each_broker_gets_its_own_options(tmp_path: Path, broker: str, option: str) -> None:
    assert option in configure(basic_settings(tmp_path, broker_url=broker)).conf.broker_transport_options


def test_on_rabbitmq_a_worker_waits_for_no_answer_for_ever(tmp_path: Path) -> None:
    options = configure(basic_settings(tmp_path, broker_url="amqp://127.0.0.1:1//")).conf.broker_transport_options
    assert 0 < options["read_timeout"] < 60
    assert 0 < options["write_timeout"] < 60


def test_every_step_but_one_of_celerys_consumer_is_kept() -> None:
    ours, theirs = set(Listener.Blueprint.default_steps), set(Consumer.Blueprint.default_steps)
    assert theirs - ours == {"celery.worker.consumer.delayed_delivery:DelayedDelivery"}
    assert ours <= theirs


def test_a_worker_has_more_connections_than_threads(tmp_path: Path) -> None:
    settings = basic_settings(tmp_path, broker_url="redis://127.0.0.1:1/0", worker_threads=64)
    conf = configure(settings).conf
    assert conf.broker_pool_limit > settings.threads
    assert conf.broker_transport_options["max_connections"] > conf.broker_pool_limit


def test_the_workers_command_is_one_that_celery_takes(tmp_path: Path) -> None:
    """Celery refuses an unknown option before it asks for a broker."""
    command = worker_command(basic_settings(tmp_path), list(QUEUES), None)
    variables = {"PATH": os.environ["PATH"], "RELAY_ENVIRONMENT": "test", "RELAY_DATA_DIR": str(tmp_path)}
    ended = subprocess.run(  # noqa: S603 - our own command
        [*command, "--help"], cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False, timeout=50
    )
    assert command[0] == sys.executable
    assert ended.returncode == 0, ended.stderr


def eventually(check: Callable[[], bool]) -> None:
    """Wait until it is true. Celery looks for a broker that was away after two, four and six seconds."""
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def at_work(tmp_path: Path, migrated_sqlite_url: str, rabbitmq_url: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Both kinds of worker as `relay worker` starts them, on a RabbitMQ."""
    variables = {
        "PATH": os.environ["PATH"],
        "RELAY_ENVIRONMENT": "test",
        "RELAY_DATA_DIR": str(tmp_path),
        "RELAY_DATABASE_URL": migrated_sqlite_url,
        "RELAY_BROKER_URL": rabbitmq_url,
        "RELAY_REDIS_URL": "redis://127.0.0.1:1/0",  # an empty lane asks for no slot
        "RELAY_SECRET_KEYS": "a key of the tests",
        "RELAY_WORKER_THREADS": "3",
    }
    command = [sys.executable, "-m", "app.cli", "worker", "--queues"]
    running = [
        subprocess.Popen([*command, queue], cwd=REPOSITORY, env=variables, start_new_session=True)  # noqa: S603 - ours
        for queue in QUEUES
    ]
    yield running
    for process in running:
        with suppress(ProcessLookupError):  # it has ended, which the test will have said
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def listening(url: str) -> bool:
    """Tell whether each queue has its worker and nothing is left in it."""
    with Connection(url) as connection:
        found: list[Any] = [queue(connection.channel()).queue_declare(passive=True) for queue in queues(url)]
    return all(one.consumer_count == 1 and one.message_count == 0 for one in found)


def ring_both(bell: Doorbell) -> bool:
    """Tell whether a ring reached each queue."""
    return bell.ring(4711) is Ring.RUNG and bell.ring_media(4711) is Ring.RUNG


@pytest.mark.long
@pytest.mark.timeout(180)
def test_workers_survive_a_rabbitmq_that_is_killed(
    at_work: list[subprocess.Popen[bytes]], rabbitmq_server: RabbitmqServer, rabbitmq_url: str
) -> None:
    bell = Doorbell(rabbitmq_url)
    eventually(lambda: ring_both(bell))
    eventually(lambda: listening(rabbitmq_url))
    rabbitmq_server.settle()
    rabbitmq_server.kill()
    rabbitmq_server.start()
    eventually(lambda: ring_both(bell))
    eventually(lambda: listening(rabbitmq_url))
    assert [process.poll() for process in at_work] == [None, None]
    vhost = rabbitmq_url.rpartition("/")[2]
    listed = rabbitmq_server.control("list_queues", "--no-table-headers", "--vhost", vhost, "name", "type")
    assert {f"{name}\tquorum" for name in QUEUES} == {one for one in listed.splitlines() if "pidbox" not in one}
    bell.close()
