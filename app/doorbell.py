"""The doorbell: tells workers which lane has something to do. The only producer of Celery tasks.

A ring carries a row's id and nothing else. It may be lost or doubled without harm: the database is the truth, the
scheduler rings again, and a second worker finds the lane taken. Therefore ringing never fails and never waits long.

RabbitMQ takes nothing while its memory or disk alarm is on, and says so on the connection that tried. Such a
connection is kept, silent, until RabbitMQ reads it again: one that is closed meanwhile would stay open on its side, so
that trying again and again would fill the very server that has no room.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from enum import StrEnum
from typing import Any, Final

from celery import Celery
from kombu import Queue

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


def speaks_amqp(broker_url: str) -> bool:
    """Tell whether the broker is a RabbitMQ."""
    return broker_url.startswith(("amqp", "pyamqp"))


def queues(broker_url: str) -> list[Queue]:
    """Return the queues as both sides declare them: RabbitMQ refuses whoever describes an existing one otherwise.

    There they are quorum queues: durable, on several nodes where there are several, and the type that stays.
    """
    arguments = {"x-queue-type": "quorum"} if speaks_amqp(broker_url) else None
    return [Queue(name, routing_key=name, queue_arguments=arguments) for name in QUEUES]


class Ring(StrEnum):
    """What became of a ring."""

    RUNG = "rung"
    FAILED = "failed"
    SKIPPED = "skipped"


class BrokerFull(OSError):
    """RabbitMQ takes no messages: its alarm of memory or disk is on."""


class _Line:
    """One connection to the broker, for one ring at a time."""

    def __init__(self, app: Celery) -> None:
        """Prepare it; it opens with its first ring."""
        self.is_blocked = False
        notices = {"on_blocked": self._block, "on_unblocked": self._unblock}
        options = notices if speaks_amqp(str(app.conf.broker_url)) else None
        self.connection = app.connection_for_write(transport_options=options)
        self.producer = app.amqp.Producer(self.connection, auto_declare=False)

    def listen(self) -> bool:
        """Tell whether it is blocked still; one that broke is not."""
        try:
            while self.is_blocked:
                self.connection.drain_events(timeout=0)
        except (TimeoutError, BrokerFull):  # nothing was said, or once more the same
            return True
        except Exception:  # noqa: BLE001 - whatever a broken connection raises
            self.is_blocked = False
        return False

    def drop(self) -> None:
        """Close it without a word, since nobody may be listening."""
        with suppress(Exception):
            self.connection.collect()

    def close(self) -> None:
        """Take leave."""
        with suppress(Exception):
            self.connection.release()

    def _block(self, _reason: str) -> None:
        self.is_blocked = True
        raise BrokerFull

    def _unblock(self) -> None:
        self.is_blocked = False


class Doorbell:
    """Rings for lanes and media. One instance serves all threads of a process."""

    def __init__(self, broker_url: str) -> None:
        """Prepare a producer; no connection is opened before the first ring."""
        self._app = Celery("doorbell", broker=broker_url, set_as_current=False)
        self._app.conf.update(
            broker_transport_options=_transport_options(broker_url),
            broker_connection_timeout=_TIMEOUT,
            broker_connection_retry=False,
            task_queues=queues(broker_url),
            task_default_queue=QUEUE_LANES,
            task_publish_retry=False,
            task_ignore_result=True,
        )
        self._quiet_until = 0.0
        self._lock = threading.Lock()
        self._idle: list[_Line] = []
        self._blocked: list[_Line] = []

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
        except Exception:  # noqa: BLE001 - refused, silent, or a login that is not taken
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            lines, self._idle, self._blocked = self._idle + self._blocked, [], []
        for line in lines:
            line.close()
        self._app.close()

    def _send(self, task: str, row_id: int, queue: str) -> Ring:
        if time.monotonic() < self._quiet_until or self._is_full():
            return self._count(Ring.SKIPPED)
        line = self._take()
        try:
            self._app.send_task(task, args=(row_id,), queue=queue, retry=False, producer=line.producer)
        except Exception as error:  # noqa: BLE001 - no caller has a use for what a broker's client may raise
            self._give_up(line)
            reason = type(error.__cause__ or error).__name__  # kombu wraps most of them
            log.warning("ring_failed", error=reason, hint="the scheduler rings again")
            return self._count(Ring.FAILED)
        with self._lock:
            self._idle.append(line)
        return self._count(Ring.RUNG)

    def _take(self) -> _Line:
        with self._lock:
            return self._idle.pop() if self._idle else _Line(self._app)

    def _give_up(self, line: _Line) -> None:
        """Be quiet for a while, and trust no connection from before."""
        with self._lock:
            self._quiet_until = time.monotonic() + _QUIET
            lines, self._idle = [*self._idle, line], []
            self._blocked += [one for one in lines if one.is_blocked]
        for one in lines:
            if not one.is_blocked:
                one.drop()

    def _is_full(self) -> bool:
        """Tell whether the broker takes nothing still. Asks nobody: it says by itself when that is over."""
        if not self._blocked:
            return False
        with self._lock:
            if any(line.listen() for line in self._blocked):
                self._quiet_until = time.monotonic() + _QUIET
                return True
            lines, self._blocked = self._blocked, []
        for line in lines:
            line.drop()
        return False

    @staticmethod
    def _count(outcome: Ring) -> Ring:
        metrics.RINGS.labels(outcome=outcome.value).inc()
        return outcome


def _transport_options(broker_url: str) -> dict[str, Any]:
    if broker_url.startswith(("redis", "rediss")):
        waits = {"socket_connect_timeout": _TIMEOUT, "socket_timeout": _TIMEOUT, "max_connections": 64}
        return waits | _CONNECT_ONCE
    if speaks_amqp(broker_url):
        waits = {"connect_timeout": _TIMEOUT, "read_timeout": _TIMEOUT, "write_timeout": _TIMEOUT}
        return {"confirm_publish": True} | waits | _CONNECT_ONCE
    return {}
