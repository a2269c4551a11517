"""Callers who keep to a limit, in processes of their own: plain threads that reserve, wait and call, over and over."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import click

from app.bench.failure import BenchFailed
from app.limiter import Horizon, Limiter

#: Seconds beyond the run, after which something is wrong.
_PATIENCE = 60


@dataclass(frozen=True)
class Limit:
    """``rate`` calls in ``seconds``, counted in a bucket of a Redis."""

    url: str
    bucket: str
    rate: int
    seconds: float


class CallersFailed(BenchFailed):
    """A process of callers ended badly; the message ends with what it said."""


def saturate(limit: Limit, *, processes: int, threads: int, seconds: float) -> list[float]:
    """Let so many callers want more than a limit allows, for so long. Returns the times of their calls, sorted.

    Raises:
        CallersFailed: a process ended badly.
    """
    words = [sys.executable, "-m", "app.bench.callers", limit.url, limit.bucket]
    words += [str(one) for one in (limit.rate, limit.seconds, threads, seconds)]
    started = [_start(words) for _ in range(processes)]
    try:
        ready = [one.stdout.readline() for one in started if one.stdout]
        for one in started if all(ready) else []:
            _begin(one)
        return sorted(called for one in started for called in _times(one, seconds + _PATIENCE))
    finally:
        for one in started:
            one.kill()
            one.wait()


def _start(words: Sequence[str]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe)  # noqa: S603 - our own command


def _begin(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.write(b"begin\n")
        process.stdin.flush()


def _times(process: subprocess.Popen[bytes], patience: float) -> list[float]:
    said, complained = process.communicate(timeout=patience)
    if process.returncode:
        raise CallersFailed(f"Callers could not call:\n{complained.decode(errors='replace')[-2000:]}")
    return [float(one) for one in json.loads(said)]


def busiest(times: Sequence[float], seconds: float) -> int:
    """Return the most calls that any window of so many seconds holds; ``times`` are sorted.

    A window begins with a call: none with more calls begins elsewhere.
    """
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@click.command()
@click.argument("url")
@click.argument("bucket")
@click.argument("rate", type=int)
@click.argument("seconds", type=float)
@click.argument("threads", type=int)
@click.argument("lasting", type=float)
def main(*, url: str, bucket: str, rate: int, seconds: float, threads: int, lasting: float) -> None:
    """Say that it is ready; when it is told to begin, call for so many seconds; print when."""
    limiter, limit = Limiter(url), Limit(url, bucket, rate, seconds)
    click.echo("ready")
    if not sys.stdin.readline():
        raise click.ClickException("Nobody is there who says when to begin.")
    times: list[float] = []
    end = time.time() + lasting
    with ThreadPoolExecutor(threads) as pool:
        callers = [pool.submit(_call, limiter, limit, end, times) for _ in range(threads)]
    for one in callers:
        one.result()  # raises what a caller raised
    limiter.close()
    click.echo(json.dumps(times))


def _call(limiter: Limiter, limit: Limit, end: float, times: list[float]) -> None:
    """Reserve, wait, call. A slot beyond the end is still used: others have been kept from it."""
    while time.time() < end:
        slot = limiter.reserve(limit.bucket, rate=limit.rate, seconds=limit.seconds, horizon=Horizon.MESSAGES)
        time.sleep(slot.wait)
        if slot.granted:
            times.append(time.time())


if __name__ == "__main__":
    main()
