from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.roles import worker_command
from app.doorbell import QUEUE_LANES, QUEUE_MEDIA, QUEUES, TASK_DRAIN_LANE, TASK_PREPARE_MEDIA
from tests.app.relay.world import basic_settings
from workers import tasks
from workers.celery import app, configure

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
