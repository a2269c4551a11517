"""A file is made into what the other side can show, in a process of its own that a hostile file may ruin.

One process a file: it starts in 0.1 s of processor time for a picture and 0.13 s for a recording (measured), which is
less than the upload that follows, and nothing that a file did to it meets the next one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO, Final, cast

from app.errors import ContentUnsupported
from app.media.workshop.job import HINTS, Bounds, Caps, Form, Job, Outcome, Report

__all__ = ["KEEPS_ORIGINAL", "Bounds", "Caps", "Converted", "Form", "convert"]

#: Codes of errors after which the file itself may still be passed on: it does no harm, it is only not shown.
KEEPS_ORIGINAL: Final = frozenset(
    one.value for one in (Outcome.UNKNOWN, Outcome.BROKEN, Outcome.TOO_LONG, Outcome.MISFIT)
)

#: A report is one short line.
_LONGEST_REPORT = 4096
_CPU_TIME_OVER = -24
#: No setting of ours, no proxy and no secret reaches the process.
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True)
class Converted:
    """The result: an open file that has no name, at its beginning, and what it is."""

    file: BinaryIO
    report: Report
    size: int


@contextmanager
def convert(source: IO[bytes], mime: str, form: Form, *, bounds: Bounds, caps: Caps) -> Iterator[Converted]:
    """Make a file into another form; the result lives as long as the context.

    Args:
        source: A real or spooled file; its position moves.
        mime: Its type by its bytes, as ``sniff`` tells it.
        form: What it becomes.
        bounds: How large it may be, before and after.
        caps: What the conversion may use.

    Raises:
        ContentUnsupported: it cannot be done; the code says why, the hint is for the agent.
    """
    source.flush()
    with tempfile.TemporaryFile() as target:
        report = _run(Job(mime, form, bounds, caps), source, target)
        if report.outcome is not Outcome.DONE:
            hint = report.hint or HINTS[report.outcome]
            raise ContentUnsupported(hint, code=report.outcome.value, detail=report.detail)
        size = target.seek(0, 2)
        target.seek(0)
        yield Converted(cast("BinaryIO", target), report, size)


def _run(job: Job, source: IO[bytes], target: IO[bytes]) -> Report:
    with tempfile.TemporaryFile() as told:
        files = [one.fileno() for one in (source, target, told)]
        command = [sys.executable, "-I", "-m", "app.media.workshop.child", job.write(), *map(str, files)]
        status = _wait(command, files, seconds=job.caps.seconds)
        told.seek(0)
        return _judge(status, told.read(_LONGEST_REPORT))


def _wait(command: list[str], files: list[int], *, seconds: float) -> int | None:
    """Run the process; None: it was killed at its deadline. It never outlives this call."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603 - our own module and numbers
        command, pass_fds=files, env=_ENVIRONMENT, stdin=quiet, stdout=quiet, stderr=quiet
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        process.kill()
        process.wait()


def _judge(status: int | None, told: bytes) -> Report:
    if status is None or status == _CPU_TIME_OVER:
        return Report(Outcome.TOO_LONG)
    try:
        return Report.read(told)
    except (ValueError, TypeError, KeyError):
        # It died without a word: a signal, or an exception that no file should have caused.
        return Report(Outcome.BOMB if status < 0 else Outcome.BROKEN, detail=f"status {status}")
