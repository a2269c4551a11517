"""Waiting for something that other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress

from celery import Celery

from app.bench.cluster import Cluster
from app.errors import RelayError
from app.http import Http

#: Eight workers that start at once on two cores need a while (seconds).
_PATIENCE = 60.0
#: Who is at work answers within this time (seconds).
_ANSWER = 0.5
_OK = 200


def until(check: Callable[[], bool], *, within: float, every: float = 0.2) -> bool:
    """Look every so many seconds until a check holds. Returns False when it does not ``within`` seconds."""
    deadline = time.monotonic() + within
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def workers_up(found: Cluster) -> bool:
    """Wait until every worker of a cluster takes rings: while they start, nothing can be said of their pace."""
    names = {name for name in found.pids() if name.startswith("worker")}
    return until(lambda: workers_at_work(found) >= names, within=_PATIENCE)


def workers_at_work(found: Cluster) -> set[str]:
    """Return the names of the workers for lanes that answer now. A worker's host name holds its process id."""
    with Celery(broker=found.settings.broker_url, set_as_current=False) as celery:
        answers = celery.control.ping(timeout=_ANSWER) or []
    hosts = " ".join(name for answer in answers for name in answer)
    return {name for name, pid in found.pids().items() if name.startswith("worker") and f"-{pid}@" in hosts}


def webs_at_work(found: Cluster) -> set[str]:
    """Return the names of the webs that answer now."""
    with closing(Http(call_timeout=_ANSWER)) as http:
        return {f"web {number}" for number, web in enumerate(found.webs, start=1) if _answers(http, web)}


def _answers(http: Http, web: str) -> bool:
    with suppress(RelayError):
        return http.request("GET", f"{web}/livez").status == _OK
    return False
