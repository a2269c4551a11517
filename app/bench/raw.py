"""The raw parts of one message's way through a worker, each as small as it can be, measured in microseconds of CPU.

A Celery task that does nothing, a POST by an httpx client with one connection, two transactions of one statement each,
and one call of a script in Redis. What the relay does with a message costs at least their sum.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import httpx
import redis
from celery import Celery
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, event, insert, make_url, update
from typing_extensions import override

from app.bench import nothing
from app.bench.failure import BenchFailed
from app.bench.measure import cost, cpu_seconds
from app.bench.servers.process import ServerProcess

#: What a bare rate limit is on Redis: its clock, one number read, one written.
_SCRIPT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%.0f', free + tonumber(ARGV[1])), 'PX', 1000)
return free - now
"""
#: Tasks that are done before the measurement, so that the worker has its threads and connections.
_WARM_UP: Final = 50
_PATIENCE = 60.0
_MICRO: Final = 1e6
_BODY: Final = {"integrationThreadId": "raw", "integrationIdempotencyId": "raw", "text": "Good morning"}

_table = Table("raw_parts", MetaData(), Column("id", Integer, primary_key=True), Column("number", Integer))


@dataclass(frozen=True)
class Parts:
    """What each part takes of a process's CPU, in microseconds."""

    task: float
    post: float
    transaction: float
    script: float

    @property
    def message(self) -> float:
        """The sum for one message."""
        return self.task + self.post + 2 * self.transaction + self.script


class TasksFailed(BenchFailed):
    """The worker that does nothing did not do it."""


class IdleWorker(ServerProcess):
    """A Celery worker whose tasks do nothing, with a pool like the relay's."""

    def __init__(self, broker_url: str, *, threads: int) -> None:
        """Remember the broker, a Redis; its queue there is its own."""
        super().__init__()
        self._broker_url = broker_url
        self._threads = threads
        self._redis = redis.Redis.from_url(broker_url)
        self._celery = Celery("raw", broker=broker_url, set_as_current=False)

    @property
    @override
    def url(self) -> str:
        return self._broker_url

    @override
    def command(self) -> list[str]:
        words = ["--quiet", "--broker", self._broker_url, "--app", "app.bench.nothing:app", "worker"]
        words += ["--queues", nothing.QUEUE, "--pool", "threads", "--concurrency", str(self._threads)]
        words += ["--without-gossip", "--without-mingle", "--hostname", f"raw-{self.port}@%h"]
        return [sys.executable, "-W", "ignore", "-m", "celery", *words]

    @override
    def is_ready(self) -> bool:
        """What it is given waits for it."""
        return True

    @override
    def close(self) -> None:
        super().close()
        self._redis.close()
        self._celery.close()

    def cost(self, tasks: int) -> float:
        """Let it do so many tasks; return the CPU time of one, in microseconds.

        Raises:
            TasksFailed: they were not done in time.
        """
        self._do(_WARM_UP)
        before = cpu_seconds(self.pid)
        self._do(tasks)
        return (cpu_seconds(self.pid) - before) / tasks * _MICRO

    def _do(self, tasks: int) -> None:
        key, deadline = f"raw:{uuid4().hex}", time.monotonic() + _PATIENCE
        for number in range(tasks):
            self._celery.send_task(nothing.NOTHING, args=(number,), queue=nothing.QUEUE)
        self._celery.send_task(nothing.MARK, args=(key,), queue=nothing.QUEUE)
        while not self._redis.get(key):
            if time.monotonic() > deadline:
                raise TasksFailed(f"The worker that does nothing has not done {tasks} tasks in {_PATIENCE:.0f} s.")
            time.sleep(0.005)


class RawParts:
    """The other parts, in this process and one thread; what they cost the servers is not counted."""

    def __init__(self, worker: IdleWorker, *, database_url: str, redis_url: str, api_url: str) -> None:
        """Connect to the servers that the relay uses. One table is made in its database."""
        self._worker = worker
        self._engine = _engine(database_url)
        self._redis = redis.Redis.from_url(redis_url)
        self._script = self._redis.register_script(_SCRIPT)
        self._client = httpx.Client(limits=httpx.Limits(max_connections=1))
        self._url = f"{api_url}/conversations/custom-channels/raw/1/messages"
        with self._engine.begin() as connection:
            _table.create(connection, checkfirst=True)
            connection.execute(insert(_table).values(id=1, number=0))

    def measure(self, calls: int) -> Parts:
        """Measure each part so often."""
        return Parts(
            task=self._worker.cost(calls),
            post=cost(self._post, calls).cpu,
            transaction=cost(self._transaction, calls).cpu,
            script=cost(self._call_script, calls).cpu,
        )

    def close(self) -> None:
        """Remove the table and the connections."""
        with self._engine.begin() as connection:
            _table.drop(connection)
        self._engine.dispose()
        self._redis.close()
        self._client.close()

    def _post(self) -> None:
        self._client.post(self._url, json=_BODY, headers={"Authorization": "Bearer raw"}).read()

    def _transaction(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(_table).where(_table.c.id == 1).values(number=_table.c.number + 1))

    def _call_script(self) -> None:
        self._script(keys=["raw:limit"], args=[1000])


def _engine(url: str) -> Engine:
    """Connect as the relay does: durable, and on SQLite without waiting for readers."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg") if url.startswith("postgresql") else url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=FULL"))
    return engine
