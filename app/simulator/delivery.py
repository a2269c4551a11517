"""Webhooks out: background threads that post, retry, keep order where asked, and write down every attempt."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.simulator.faults import ROUTE_KINDS, Api, Fault, FaultKind, Faults
from app.simulator.posting import HUBSPOT_POLICY, NO_RETRY, Attempt, Headers, RetryPolicy, Routes, WebhookTarget, send

__all__ = ["HUBSPOT_POLICY", "NO_RETRY", "Attempt", "Delivery", "Headers", "RetryPolicy", "WebhookTarget"]

THREADS = 32
LOG_LENGTH = 5000
SUCCESS = range(200, 300)
# A webhook that is held back to be overtaken goes anyway after this many seconds.
REORDER_SECONDS = 0.5


@dataclass
class _Job:
    id: str
    target: WebhookTarget
    body: bytes
    headers: Headers
    method: str
    label: str
    on_attempt: Callable[[Attempt], None] | None
    number: int = 0
    cancelled: bool = False


@dataclass
class _State:
    due: list[tuple[float, int, _Job]] = field(default_factory=list)
    keys: dict[str, deque[_Job]] = field(default_factory=dict)
    held: dict[Api, _Job] = field(default_factory=dict)
    open: dict[str, _Job] = field(default_factory=dict)
    log: deque[Attempt] = field(default_factory=lambda: deque(maxlen=LOG_LENGTH))


class Delivery:
    """Posts webhooks in the background. Threads start with the first one; `close` ends them."""

    def __init__(
        self,
        faults: Faults,
        *,
        publish: Callable[[str, dict[str, Any]], object] = lambda _kind, _data: None,
        time_scale: Callable[[], float] = lambda: 1.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`publish` receives a `delivery_attempt` event per attempt; `time_scale` multiplies retry delays."""
        self._faults = faults
        self._publish = publish
        self._time_scale = time_scale
        self._now = now
        self._condition = threading.Condition()
        self._state = _State()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._sequence = itertools.count(1)
        self.routes = Routes()

    def post(
        self,
        target: WebhookTarget,
        body: bytes,
        headers_for_attempt: Headers,
        *,
        method: str = "POST",
        label: str = "",
        on_attempt: Callable[[Attempt], None] | None = None,
    ) -> str:
        """Send `body` soon and return the delivery's id at once.

        `headers_for_attempt` is called with 1, 2, ... right before each attempt, so signatures are fresh.
        `on_attempt` is called after each attempt, from the sending thread.
        """
        faults = self._faults.draw(target.api, method, urlsplit(target.url).path, kinds=ROUTE_KINDS)
        job = self._job(target, body, headers_for_attempt, method=method, label=label, on_attempt=on_attempt)
        if any(fault.kind is FaultKind.DROP for fault in faults):
            self._record(
                job, Attempt(**_base(job), at=self._now(), seconds=0, status=None, error="", outcome="dropped")
            )
            return job.id
        jobs = [job]
        if any(fault.kind is FaultKind.DUPLICATE for fault in faults):
            jobs.append(self._job(target, body, headers_for_attempt, method=method, label=label, on_attempt=on_attempt))
        self._enqueue(jobs, faults)
        return job.id

    def attempts(self, *, api: Api | None = None) -> list[Attempt]:
        """The log of attempts, oldest first."""
        with self._condition:
            return [attempt for attempt in self._state.log if api is None or attempt.api == api]

    def pending(self, *, api: Api | None = None, url: str | None = None) -> int:
        """How many webhooks are neither delivered nor given up."""
        with self._condition:
            return sum(
                (api is None or job.target.api is api) and (url is None or job.target.url == url)
                for job in self._state.open.values()
            )

    def due_in(self) -> float:
        """Seconds until the last of the waiting attempts; 0 where none waits."""
        with self._condition:
            return max((due - time.monotonic() for due, _, job in self._state.due if not job.cancelled), default=0.0)

    def cancel(self, *, api: Api, url: str | None = None) -> int:
        """Give up what is pending for an API (and address) and say how many that were."""
        with self._condition:
            chosen = [
                job
                for job in self._state.open.values()
                if job.target.api is api and (url is None or job.target.url == url)
            ]
            for job in chosen:
                job.cancelled = True
                self._close_job(job)
            return len(chosen)

    def advance(self, seconds: float) -> None:
        """Bring every waiting attempt forward by so many seconds."""
        with self._condition:
            self._state.due = [(due - seconds, number, job) for due, number, job in self._state.due]
            heapq.heapify(self._state.due)
            self._condition.notify_all()

    def reset(self) -> None:
        """Forget what waits and what was logged."""
        with self._condition:
            for job in self._state.open.values():
                job.cancelled = True
            self._state = _State()
        self.routes.set({})

    def close(self) -> None:
        """Stop the threads; what waits is not sent."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        for thread in self._threads:
            thread.join(timeout=1)

    def _job(
        self,
        target: WebhookTarget,
        body: bytes,
        headers: Headers,
        *,
        method: str,
        label: str,
        on_attempt: Callable[[Attempt], None] | None,
    ) -> _Job:
        return _Job(f"delivery-{next(self._sequence)}", target, body, headers, method, label, on_attempt)

    def _enqueue(self, jobs: list[_Job], faults: tuple[Fault, ...]) -> None:
        wait = sum(fault.seconds for fault in faults if fault.kind is FaultKind.DELAY)
        held_back = any(fault.kind is FaultKind.REORDER for fault in faults)
        with self._condition:
            self._start_threads()
            for job in jobs:
                self._state.open[job.id] = job
                self._line_up(job, wait)
            api = jobs[0].target.api
            overtaken = self._state.held.pop(api, None)
            if overtaken is not None:
                self._hurry(overtaken)
            elif held_back and not jobs[0].target.order_key:
                self._hold(jobs[0])
            self._condition.notify_all()

    def _line_up(self, job: _Job, wait: float) -> None:
        key = job.target.order_key
        if key:
            line = self._state.keys.setdefault(key, deque())
            line.append(job)
            if len(line) > 1:
                return
        self._schedule(job, wait)

    def _schedule(self, job: _Job, wait: float) -> None:
        heapq.heappush(self._state.due, (time.monotonic() + wait, next(self._sequence), job))
        self._condition.notify()

    def _hold(self, job: _Job) -> None:
        self._state.held[job.target.api] = job
        self._move(job, time.monotonic() + REORDER_SECONDS)

    def _hurry(self, job: _Job) -> None:
        # Behind the one that overtakes it, which is posted at the same moment.
        self._move(job, time.monotonic() + REORDER_SECONDS / 10)

    def _move(self, job: _Job, due: float) -> None:
        self._state.due = [(due if other is job else at, number, other) for at, number, other in self._state.due]
        heapq.heapify(self._state.due)

    def _start_threads(self) -> None:
        if self._threads or self._closed:
            return
        for index in range(THREADS):
            thread = threading.Thread(target=self._work, name=f"delivery-{index}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            self._attempt(job)

    def _next(self) -> _Job | None:
        with self._condition:
            while not self._closed:
                if not self._state.due:
                    self._condition.wait()
                    continue
                wait = self._state.due[0][0] - time.monotonic()
                if wait > 0:
                    self._condition.wait(wait)
                    continue
                job = heapq.heappop(self._state.due)[2]
                if not job.cancelled:
                    return job
            return None

    def _attempt(self, job: _Job) -> None:
        job.number += 1
        started = time.monotonic()
        at = self._now()
        headers = job.headers(job.number)
        status, error, answer = send(job.target, job.body, headers, method=job.method, routes=self.routes)
        delay = None
        outcome = "done"
        if status is None or status not in SUCCESS:
            delay = job.target.policy.delay_after(job.number)
            outcome = "failed" if delay is None else "retry"
        self._record(
            job,
            Attempt(
                **_base(job),
                at=at,
                seconds=round(time.monotonic() - started, 4),
                status=status,
                error=error,
                outcome=outcome,
                answer=answer,
            ),
            delay,
        )
        if delay is None:
            self._end(job)

    def _record(self, job: _Job, attempt: Attempt, delay: float | None = None) -> None:
        """Log an attempt. The next one stands in line as soon as this one is seen: time may be moved to it."""
        with self._condition:
            if job.cancelled:
                return
            self._state.log.append(attempt)
            if delay is not None:
                jitter = 1 + job.target.policy.jitter * random.uniform(-1, 1)
                self._schedule(job, delay * jitter * self._time_scale())
        if job.on_attempt is not None:
            job.on_attempt(attempt)
        self._publish("delivery_attempt", attempt.as_json())

    def _end(self, job: _Job) -> None:
        with self._condition:
            if not job.cancelled:
                self._close_job(job)

    def _close_job(self, job: _Job) -> None:
        self._state.open.pop(job.id, None)
        line = self._state.keys.get(job.target.order_key)
        if line is None or job not in line:
            return
        was_first = line[0] is job
        line.remove(job)
        if not line:
            del self._state.keys[job.target.order_key]
        elif was_first:
            self._schedule(line[0], 0)


def _base(job: _Job) -> dict[str, Any]:
    return {
        "delivery": job.id,
        "api": job.target.api.value,
        "url": job.target.url,
        "label": job.label,
        "number": job.number,
        "order_key": job.target.order_key,
    }
