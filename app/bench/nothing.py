"""The Celery app of the worker that does nothing, set up like the relay's: early acknowledgement, no results."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import redis
from celery import Celery, Task
from kombu import Queue

QUEUE: Final = "raw"
NOTHING: Final = "raw.nothing"
MARK: Final = "raw.mark"

app = Celery("raw")
app.conf.update(
    task_queues=[Queue(QUEUE)],
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_disable_rate_limits=True,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"ack_emulation": False, "max_connections": 100},
)


@app.task(name=NOTHING)
def nothing(number: int) -> None:
    """Do nothing."""
    del number


@app.task(name=MARK, bind=True)
def mark(self: Task[[str], None], key: str) -> None:
    """Say that the tasks before this one have been begun."""
    with closing(redis.Redis.from_url(self.app.conf.broker_url)) as client:
        client.set(key, 1)
