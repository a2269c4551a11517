"""The Celery app: settings, queues, routes, signals.

Celery carries row ids and nothing else. No retry, ETA, countdown, beat or result: waits live in the database.
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from celery import Celery, signals
from celery.worker.consumer import Consumer

from app import logs, metrics
from app.doorbell import QUEUE_LANES, QUEUE_MEDIA, TASK_DRAIN_LANE, TASK_PREPARE_MEDIA, queues, speaks_amqp
from app.relay.services import Services, build
from app.settings import Settings, load, secrets

#: Beside the slots, a worker's threads need connections for acknowledging, events and the consumer itself.
_SPARE_CONNECTIONS = 50

#: A RabbitMQ that does not answer within this time (seconds) is away.
_SILENCE = 5

log = logs.get_logger(__name__)


class Listener(Consumer):
    """Celery's consumer without delayed delivery, which nothing here uses.

    With quorum queues Celery would declare 28 more of them, for tasks with an ETA.
    """

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc,valid-type]  # a class, whatever the stubs say
        """The steps of its start."""

        default_steps: ClassVar[list[str]] = [
            step for step in Consumer.Blueprint.default_steps if not step.endswith(":DelayedDelivery")
        ]


def configure(settings: Settings) -> Celery:
    """Make the Celery app of a worker."""
    celery = Celery("relay", broker=settings.broker_url, include=["workers.tasks"])
    celery.conf.update(
        task_queues=queues(settings.broker_url),
        task_default_queue=QUEUE_LANES,
        task_create_missing_queues=False,
        task_routes={TASK_DRAIN_LANE: {"queue": QUEUE_LANES}, TASK_PREPARE_MEDIA: {"queue": QUEUE_MEDIA}},
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        # Early: a lost ring is rung again by the scheduler, and an unacknowledged one is what makes a worker exit
        # when Redis is killed under it.
        task_acks_late=False,
        worker_consumer="workers.celery:Listener",
        worker_prefetch_multiplier=1,
        worker_disable_rate_limits=True,
        worker_send_task_events=settings.worker_events,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_soft_shutdown_timeout=25,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_limit=settings.threads + 10,
        broker_transport_options=_transport_options(settings),
        control_queue_ttl=300.0,
        control_queue_expires=300.0,
    )
    return celery


def _transport_options(settings: Settings) -> dict[str, Any]:
    if speaks_amqp(settings.broker_url):
        # A RabbitMQ that is paused, or that takes nothing because its alarm is on, answers neither a declaration nor
        # an event; without a time-out the worker would wait for it for ever.
        return {"confirm_publish": True, "read_timeout": _SILENCE, "write_timeout": _SILENCE}
    return {
        # Rings may be lost, so none is put back: putting back what was not acknowledged, over the connection that had
        # just broken, is what ended workers with their calls in flight when Redis was killed.
        "ack_emulation": False,
        "max_connections": settings.threads + _SPARE_CONNECTIONS,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 25,
    }


class Resident:
    """What one worker process holds: its services, made when the process starts to work."""

    services: Services | None = None
    _opening = threading.Lock()

    @classmethod
    def open(cls, **_kw: object) -> None:
        """Make the services. After the fork, because connections do not survive it."""
        logs.configure(SETTINGS, secrets(SETTINGS))
        metrics.configure_multiprocess(SETTINGS.data_dir / "metrics")
        cls.services = build(SETTINGS, pool=SETTINGS.threads + 2)

    @classmethod
    def close(cls, **_kw: object) -> None:
        """Close every connection."""
        if cls.services is not None:
            cls.services.close()
            cls.services = None

    @classmethod
    def get(cls) -> Services:
        """Return the services, making them where no signal did (a worker of one process)."""
        with cls._opening:  # no signal reaches the pool's threads, and the first rings come to all of them at once
            if cls.services is None:
                cls.open()
        assert cls.services is not None  # noqa: S101 - just made
        return cls.services


SETTINGS = load()
app = configure(SETTINGS)

signals.worker_process_init.connect(Resident.open)
signals.worker_process_shutdown.connect(Resident.close)
signals.worker_shutdown.connect(Resident.close)


@signals.setup_logging.connect
def _keep_our_logging(**_kw: object) -> None:
    """Celery sets up no logging of its own."""
    logs.configure(SETTINGS, secrets(SETTINGS))
