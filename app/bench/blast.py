"""A blast: prepared requests sent over a few kept connections, in a process of its own.

Closed (each connection sends its next request when the last one is answered) for what a server can take, or open (so
many requests a second, whatever is answered) for how long a request takes at a given rate. In an open run a request's
time begins when it was due, so a server that falls behind cannot hide it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from typing_extensions import override

from app.bench.failure import BenchFailed
from app.bench.measure import percentile
from app.bench.wire import take

#: Bytes of a request's length in the file of prepared requests.
_LENGTH = 4
#: Seconds that one blast may take, before something is wrong.
_PATIENCE = 300


@dataclass(frozen=True)
class Outcome:
    """What came of a blast. ``durations`` and ``seconds`` are seconds, ``began`` seconds since 1970.

    ``statuses`` counts the answers; ``lost`` the requests that got none.
    """

    statuses: dict[int, int]
    lost: int
    durations: list[float]
    seconds: float
    began: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return sum(self.statuses.values()) / self.seconds

    @property
    def is_clean(self) -> bool:
        """Whether every request was answered with success."""
        return not self.lost and all(200 <= status < 300 for status in self.statuses)  # noqa: PLR2004 - 2xx

    def quantile(self, hundredths: int) -> float:
        """Return a percentile of the durations, in seconds."""
        return percentile(self.durations, hundredths)


class BlastFailed(BenchFailed):
    """The requests could not be sent; the message ends with what its process said."""


def send(requests: Iterable[bytes], port: int, *, connections: int = 16, rate: float | None = None) -> Outcome:
    """Send requests to a loopback port from a process of its own.

    ``rate``: so many a second; without it as fast as they are answered.

    Raises:
        BlastFailed: the process ended badly.
    """
    with tempfile.NamedTemporaryFile(prefix="relay-blast-") as file:
        for one in requests:
            file.write(len(one).to_bytes(_LENGTH, "big") + one)
        file.flush()
        options = {"port": port, "connections": connections, "rate": rate or 0.0}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "app.bench.blast", file.name, *words],
            check=False,
            capture_output=True,
            timeout=_PATIENCE,
        )
    if done.returncode:
        raise BlastFailed(f"The requests could not be sent:\n{done.stderr.decode(errors='replace')[-2000:]}")
    said: dict[str, Any] = json.loads(done.stdout)
    statuses = {int(status): count for status, count in said["statuses"].items()}
    return Outcome(statuses, said["lost"], said["durations"], said["seconds"], said["began"])


class _Blast:
    """The requests that are left, and what became of the others."""

    def __init__(self, requests: Sequence[bytes], port: int, *, connections: int, rate: float) -> None:
        self._requests = requests
        self._port = port
        self._most = connections
        self._rate = rate
        self._next = 0
        self._opened = 0
        self._opening: set[asyncio.Task[None]] = set()
        self._free: list[_Connection] = []
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0
        self.statuses: Counter[int] = Counter()
        self.lost = 0
        self.durations: list[float] = []
        self.done = asyncio.Event()

    async def run(self) -> Outcome:
        """Send them all."""
        began, self._began = time.time(), time.perf_counter()
        for _ in range(1 if self._rate else min(self._most, len(self._requests))):
            self._open()
        await self.done.wait()
        seconds = time.perf_counter() - self._began
        return Outcome(dict(self.statuses), self.lost, self.durations, seconds, began)

    def _open(self) -> None:
        """Open one more connection, which is used at once: a server may give a silent one a thread to wait for it."""
        if self._opened < self._most:
            self._opened += 1
            task = asyncio.get_running_loop().create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        except OSError:
            if self._next < len(self._requests):
                self._next += 1
                self.broke()

    def free(self, connection: _Connection) -> None:
        """Use a connection that has nothing to do."""
        self._free.append(connection)
        self._go_on()

    def answered(self, connection: _Connection, status: int, duration: float) -> None:
        """Count an answer and use its connection again."""
        self.statuses[status] += 1
        self.durations.append(duration)
        self.free(connection)
        self._look()

    def broke(self) -> None:
        """Count a request whose connection was lost or could not be opened; another connection takes its place."""
        self.lost += 1
        self._opened -= 1
        if self._next < len(self._requests):
            self._open()
        self._look()

    def closed(self, connection: _Connection) -> None:
        """Forget a connection that the server closed while it had nothing to do."""
        if connection in self._free:
            self._free.remove(connection)
            self._opened -= 1

    def _go_on(self) -> None:
        """Send what is due."""
        while self._next < len(self._requests):
            now = time.perf_counter()
            due = self._began + self._next / self._rate if self._rate else now
            if due > now:
                self._come_back(due - now)
                return
            if not self._free:
                self._open()
                return
            self._free.pop().send(self._requests[self._next], due)
            self._next += 1

    def _come_back(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._go_on()

    def _look(self) -> None:
        if sum(self.statuses.values()) + self.lost >= len(self._requests):
            self.done.set()


class _Connection(asyncio.Protocol):
    """One kept connection with at most one request on its way."""

    def __init__(self, blast: _Blast) -> None:
        self._blast = blast
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._due: float | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's transport is one
        self._transport = transport
        self._blast.free(self)

    def send(self, request: bytes, due: float) -> None:
        """Send a request that was due then."""
        assert self._transport is not None  # noqa: S101 - only connected ones are given requests
        self._due = due
        self._transport.write(request)

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        packet = take(self._buffer)
        if packet is not None and self._due is not None:
            duration, self._due = time.perf_counter() - self._due, None
            self._blast.answered(self, packet.status, duration)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._due is None:
            self._blast.closed(self)
        else:
            self._due = None
            self._blast.broke()


def _read(path: Path) -> list[bytes]:
    content, requests, at = path.read_bytes(), [], 0
    while at < len(content):
        begin = at + _LENGTH
        at = begin + int.from_bytes(content[at:begin], "big")
        requests.append(content[begin:at])
    return requests


async def _run(requests: list[bytes], rate: float, *, port: int, connections: int) -> Outcome:
    return await _Blast(requests, port, connections=connections, rate=rate).run()


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(1, 65_535), required=True)
@click.option("--connections", type=int, required=True)
@click.option("--rate", type=float, required=True)
def main(file: Path, port: int, connections: int, rate: float) -> None:
    """Send the prepared requests of a file; print what came of them."""
    outcome = asyncio.run(_run(_read(file), rate, port=port, connections=connections))
    click.echo(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main()
