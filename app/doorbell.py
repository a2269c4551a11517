"""The doorbell: tells workers which lane has something to do. The only producer of Celery tasks.

A ring carries a row's id and nothing else. It may be lost or doubled without harm: the database is the truth, the
scheduler rings again, and a second worker finds the lane taken. Therefore ringing never fails and never waits long.
"""

from __future__ import annotations

import threading
import time
from enum import StrEnum
from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError

from app import logs, metrics

#: The two kinds of work, and so the two queues: lanes are short and many, media is long and heavy.
QUEUE_LANES: Final = "lanes"
QUEUE_MEDIA: Final = "media"
QUEUES: Final = (QUEUE_LANES, QUEUE_MEDIA)

#: Task names, as Flower shows them.
TASK_DRAIN_LANE: Final = "relay.drain_lane"
TASK_PREPARE_MEDIA: Final = "relay.prepare_media"

#: After a ring that failed, no other is tried for so long (seconds): a dead broker must not delay every answer.
_QUIET = 1.0
#: A broker that does not answer within this time (seconds) is dead.
_TIMEOUT = 0.2
#: Kombu connects again by itself, two seconds after a refusal: `task_publish_retry` does not reach that far.
_CONNECT_ONCE: Final = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}

log = logs.get_logger(__name__)


class Ring(StrEnum):
    """What became of a ring."""

    RUNG = "rung"
    FAILED = "failed"
    SKIPPED = "skipped"


class Doorbell:
    """Rings for lanes and media. One instance serves all threads of a process."""

    def __init__(self, broker_url: str) -> None:
        """Prepare a producer; no connection is opened before the first ring."""
        self._app = Celery("doorbell", broker=broker_url, set_as_current=False)
        self._app.conf.update(
            broker_transport_options=_transport_options(broker_url),
            broker_connection_timeout=_TIMEOUT,
            broker_connection_retry=False,
            task_publish_retry=False,
            task_ignore_result=True,
        )
        self._quiet_until = 0.0
        self._lock = threading.Lock()

    def ring(self, lane_id: int) -> Ring:
        """Ask a worker to drain a lane."""
        return self._send(TASK_DRAIN_LANE, lane_id, QUEUE_LANES)

    def ring_media(self, media_id: int) -> Ring:
        """Ask a media worker to prepare an attachment."""
        return self._send(TASK_PREPARE_MEDIA, media_id, QUEUE_MEDIA)

    def is_answering(self) -> bool:
        """Tell whether the broker can be reached now."""
        try:
            with self._app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0)
        except (OperationalError, OSError):
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self._app.close()

    def _send(self, task: str, row_id: int, queue: str) -> Ring:
        if time.monotonic() < self._quiet_until:
            return self._count(Ring.SKIPPED)
        try:
            self._app.send_task(task, args=(row_id,), queue=queue, retry=False)
        except (OperationalError, OSError) as error:
            with self._lock:
                self._quiet_until = time.monotonic() + _QUIET
            log.warning("ring_failed", error=type(error).__name__, hint="the scheduler rings again")
            return self._count(Ring.FAILED)
        return self._count(Ring.RUNG)

    @staticmethod
    def _count(outcome: Ring) -> Ring:
        metrics.RINGS.labels(outcome=outcome.value).inc()
        return outcome


def _transport_options(broker_url: str) -> dict[str, Any]:
    if broker_url.startswith(("redis", "rediss")):
        waits = {"socket_connect_timeout": _TIMEOUT, "socket_timeout": _TIMEOUT, "max_connections": 64}
        return waits | _CONNECT_ONCE
    if broker_url.startswith(("amqp", "pyamqp")):
        waits = {"confirm_publish": True, "connect_timeout": _TIMEOUT, "read_timeout": _TIMEOUT}
        return waits | _CONNECT_ONCE
    return {}
