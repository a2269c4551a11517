"""Carries out the blows of a plan on a running cluster, each at its time."""

from __future__ import annotations

import heapq
import itertools
import os
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial

import redis

from app.bench.chaos.ledger import Freeze
from app.bench.chaos.plan import Blow, Kind, Plan
from app.bench.cluster import Cluster
from app.bench.load import Pace
from app.bench.servers.process import ServerError, ServerProcess
from app.embedded import EmbeddedBroker

#: A server that was killed may find its own remains for a moment (PostgreSQL: the shared memory of its last sessions).
_STARTS = 10
_BETWEEN_STARTS = 0.5
_LOOK = 0.02


class Storm:
    """One plan's blows, by the plan's time.

    ``killed``: the process ids of the roles that it ended. ``freezes``: when it stopped workers.
    """

    def __init__(self, cluster: Cluster, plan: Plan, pace: Pace) -> None:
        """Line the blows up."""
        self._cluster = cluster
        self._blows = sorted(plan.blows, key=lambda blow: blow.at)
        #: What is done whatever the plan's time is, at a time of the machine's clock.
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._strike: dict[Kind, Callable[[Blow], None]] = {
            Kind.KILL: self._kill,
            Kind.KILL_ALL: self._kill_all,
            Kind.FREEZE: self._freeze,
            Kind.KILL_BROKER: self._kill_broker,
            Kind.RESTART_BROKER: self._restart_broker,
            Kind.WIPE: self._wipe,
            Kind.KILL_LIMITER: self._kill_limiter,
            Kind.KILL_DATABASE: self._kill_database,
            Kind.RESTART_DATABASE: self._restart_database,
        }
        self.pace = pace
        self.killed: set[int] = set()
        self.freezes: list[Freeze] = []

    def rage(self) -> None:
        """Strike each blow at its time; return when everything runs or is allowed to run again."""
        while self._blows or self._later:
            if self._later and time.monotonic() >= self._later[0][0]:
                heapq.heappop(self._later)[2]()
            elif self._blows and self.pace.now >= self._blows[0].at:
                blow = self._blows.pop(0)
                self._strike[blow.kind](blow)
            else:
                time.sleep(_LOOK)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something else in so many seconds, which do not stand still."""
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._numbers), act))

    def calm(self) -> None:
        """Leave nothing stopped, whatever became of the plan."""
        for name in self._cluster.pids():
            self._cluster.send(name, signal.SIGCONT)

    def _kill(self, blow: Blow) -> None:
        self._kill_role(blow.role)

    def _kill_all(self, _blow: Blow) -> None:
        for name in self._cluster.pids():
            self._kill_role(name)

    def _kill_role(self, name: str) -> None:
        with suppress(ProcessLookupError):
            pid = self._cluster.kill(name)
            self.killed |= {pid} if pid is not None else set()

    def _freeze(self, blow: Blow) -> None:
        with suppress(ProcessLookupError):
            pid = self._cluster.send(blow.role, signal.SIGSTOP)
            if pid is not None:
                self.later(blow.seconds, partial(self._thaw, pid, since=time.time()))

    def _thaw(self, pid: int, *, since: float) -> None:
        self.freezes.append(Freeze(since, time.time()))
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGCONT)

    def _kill_broker(self, blow: Blow) -> None:
        self._kill_server(self._cluster.backing.broker, blow)

    def _kill_limiter(self, blow: Blow) -> None:
        self._kill_server(self._cluster.backing.limiter, blow)

    def _kill_database(self, blow: Blow) -> None:
        if self._cluster.backing.database is not None:
            self._kill_server(self._cluster.backing.database, blow)

    def _kill_server(self, server: ServerProcess | EmbeddedBroker, blow: Blow) -> None:
        if isinstance(server, EmbeddedBroker):  # its supervisor starts it again
            if server.process is not None:
                os.kill(server.process.pid, signal.SIGKILL)
            return
        server.kill()
        self.later(blow.seconds, partial(start, server))

    def _restart_broker(self, _blow: Blow) -> None:
        if isinstance(self._cluster.backing.broker, ServerProcess):
            _restart(self._cluster.backing.broker)

    def _restart_database(self, _blow: Blow) -> None:
        if self._cluster.backing.database is not None:
            _restart(self._cluster.backing.database)

    def _wipe(self, _blow: Blow) -> None:
        """Forget everything that the Redis of the limiter holds: mostly the rings as well."""
        server = self._cluster.backing.limiter
        with suppress(redis.RedisError), closing(redis.Redis.from_url(server.url, socket_timeout=2)) as client:
            client.flushall()


def start(server: ServerProcess) -> None:
    """Start a server that was killed.

    Raises:
        ServerError: it does not start, however often it is tried.
    """
    for _ in range(_STARTS - 1):
        with suppress(ServerError):
            server.start()
            return
        time.sleep(_BETWEEN_STARTS)
    server.start()


def _restart(server: ServerProcess) -> None:
    server.stop()
    start(server)
