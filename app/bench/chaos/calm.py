"""After the faults: what still had to be waited for, when everything was done, and whether every role is back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import func, select

from app.bench import scene
from app.bench.chaos.plan import CALL_TIMEOUT
from app.bench.cluster import Cluster
from app.bench.scene import SceneError
from app.errors import RelayError
from app.http import Http
from app.relay.shares import HUBSPOT_WINDOW
from app.storage.clock import now
from app.storage.database import Connection, DatabaseAway
from app.storage.tables import breakers, messages, statuses

#: What is not done so long (seconds) after the last fault is called lost.
PATIENCE = 180.0
#: A role that died may wait so long (seconds) before its supervisor starts it, and takes a while to start.
_BACK_WITHIN = 30.0
#: Nothing new may happen in so long (seconds) after the last message: a worker that had been stopped may still call.
_SETTLE = 1.0
_LOOK = 0.1
_ASKED_WITHIN = 3.0
#: When the limiter found its Redis empty (microseconds).
_LIMITER_BORN = "relay:limit"
#: A Celery worker consumes from the queue of its kind.
_QUEUES = {"worker": "lanes", "media": "media"}


@dataclass(frozen=True)
class Drained:
    """When everything was done, in ``seconds`` after the last fault. ``left``: what never was.

    ``waits``: seconds of it that the faults had begun and that are promised: the longest of the retry delays, the
    other side's with its webhooks too, the intervals of open breakers and the window after a wiped limiter.
    """

    seconds: float
    waits: float
    left: str

    @property
    def beyond(self) -> float:
        """Seconds beyond what was promised to be waited for."""
        return max(0.0, self.seconds - self.waits)


def wait_until_drained(cluster: Cluster) -> Drained:
    """Wait until every message has its end, every status is told and no webhook is on its way."""
    began, seconds, waits = time.monotonic(), 0.0, 0.0
    with closing(Http(call_timeout=30.0)) as http:
        left = "nobody could be asked"
        while left and seconds < PATIENCE:
            # A call that a fault has caught fails a moment later, and its wait begins then.
            if seconds <= CALL_TIMEOUT and (wait := _running_waits(cluster, http)) > 0:
                waits = max(waits, seconds + wait)
            with suppress(*DatabaseAway, RelayError):
                left = _left(cluster, http)
            if left:
                time.sleep(_LOOK)
            seconds = time.monotonic() - began
    time.sleep(_SETTLE)
    return Drained(seconds, waits, left)


def behind(cluster: Cluster, http: Http) -> int:
    """Count what the relay has still to do: messages, statuses, and webhooks that it has not taken yet.

    Raises:
        DatabaseAway: it cannot be asked now.
        RelayError: the simulator does not answer.
    """
    return sum(_counts(cluster, http).values())


def _left(cluster: Cluster, http: Http) -> str:
    """Return what is not done yet in words; empty: nothing."""
    return ", ".join(f"{count} {what}" for what, count in _counts(cluster, http).items() if count)


def _counts(cluster: Cluster, http: Http) -> dict[str, int]:
    with cluster.services.database.read() as connection:
        counts = {
            "messages pending": _count(connection, messages.c.status == "pending"),
            "statuses untold": _count(connection, statuses.c.want > statuses.c.told),
        }
    return {
        **counts,
        "webhooks under way": int(_state(cluster, http)["pendingWebhooks"]),
    }


def _state(cluster: Cluster, http: Http) -> dict[str, Any]:
    return dict(scene.ask(http, "GET", f"{cluster.page}/_sim/state"))


def _count(connection: Connection, condition: object) -> int:
    return int(connection.execute(select(func.count()).where(condition)).scalar_one())  # type: ignore[arg-type]


def _running_waits(cluster: Cluster, http: Http) -> float:
    """Return the seconds until the last of the promised waits is over."""
    waits = [0.0]
    with suppress(RelayError):
        waits.append(float(_state(cluster, http)["webhooksDueIn"]))
    with suppress(*DatabaseAway), cluster.services.database.read() as connection:
        retry = select(func.max(messages.c.not_before - now())).where(messages.c.status == "pending")
        probe = select(func.max(breakers.c.probe_at - now()))
        waits += [float(connection.execute(one).scalar_one() or 0.0) for one in (retry, probe)]
    with suppress(redis.RedisError), closing(redis.Redis.from_url(cluster.backing.limiter.url)) as client:
        born = client.get(_LIMITER_BORN)
        # Not yet found empty: the window begins with the next reservation.
        since = 0.0 if born is None else time.time() - int(born) / 1e6
        waits.append(HUBSPOT_WINDOW - since)
    return max(waits)


def missing_roles(cluster: Cluster, killed: Sequence[int]) -> list[str]:
    """Return the roles that are not back, after some time to come back: dead, or alive and doing nothing."""
    deadline = time.monotonic() + _BACK_WITHIN
    missing = missing_now(cluster, killed)
    while missing and time.monotonic() < deadline:
        time.sleep(_LOOK)
        missing = missing_now(cluster, killed)
    return missing


def missing_now(cluster: Cluster, killed: Sequence[int]) -> list[str]:
    """Return the roles that are not there at the moment."""
    pids = cluster.pids()
    dead = [one.name for one in cluster.supervisor.roles if pids.get(one.name) in {None, *killed}]
    return dead + _silent_webs(cluster) + _deaf_workers(cluster)


def _silent_webs(cluster: Cluster) -> list[str]:
    silent = []
    for number, web in enumerate(cluster.webs, start=1):
        try:
            scene.wait_for(f"{web}/readyz", within=0)
        except SceneError:
            silent.append(f"web {number} is not ready")
    return silent


def _deaf_workers(cluster: Cluster) -> list[str]:
    """Ask every worker which queue it consumes from."""
    heard: list[str] = []
    away = (redis.RedisError, OperationalError, OSError)
    with suppress(*away), Celery("chaos", broker=cluster.settings.broker_url, set_as_current=False) as app:
        answers = app.control.inspect(timeout=_ASKED_WITHIN).active_queues() or {}
        heard = [queue["name"] for queues in answers.values() for queue in queues]
    names = [one.name.partition(" ")[0] for one in cluster.supervisor.roles]
    return [
        f"{names.count(role) - heard.count(queue)} of the {role} processes do not listen"
        for role, queue in _QUEUES.items()
        if heard.count(queue) < names.count(role)
    ]
