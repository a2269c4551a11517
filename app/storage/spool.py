"""Spool files: what one process wrote down durably, to be taken from there again in the same order.

One line a record: length and CRC-32 of the content in hexadecimal, the content (ASCII without line breaks), a line
break. Lines are only ever appended, and count when ``fsync`` has returned. A line that the end of its process tore is
recognised, and reading goes on behind the next line break, so damage costs no more than the line that it hit.

A file belongs to the process that holds its lock, which the kernel takes away from a dead one. ``.journal`` is the
file, ``.progress`` how much of it is done, ``.aside`` what nobody could use, ``.damaged`` a file with unreadable lines.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app import logs

JOURNAL: Final = ".journal"
PROGRESS: Final = ".progress"
ASIDE: Final = ".aside"
DAMAGED: Final = ".damaged"
#: A file that has no lock yet. Nobody else looks at it.
_NEW: Final = ".new"

#: Length and checksum, each eight digits and a space.
_HEAD: Final = 18
#: Bytes in which most records end.
_GLANCE: Final = 16_384

log = logs.get_logger(__name__)


class SpoolClosed(Exception):
    """Nothing is appended to this file any more: take another one."""


@dataclass(frozen=True)
class Record:
    """The content of one line, and the offset behind it."""

    content: str
    end: int


@dataclass
class _Ticket:
    """One record on its way to the disk, and what became of it."""

    line: bytes
    done: bool = False
    error: BaseException | None = None


class Spool:
    """One file of which this process holds the lock. Any thread may append, one thread reads."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over a file that is locked by ``descriptor``."""
        self.path = path
        self._descriptor = descriptor
        #: Bytes that are durable. Nothing behind them was ever promised to anybody.
        self._size = os.fstat(descriptor).st_size
        self._position = progress(path)
        self._progress: int | None = None
        self._damaged = False
        self._closed = True
        self._turn = threading.Condition()
        self._pending: list[_Ticket] = []
        self._writing = False

    @classmethod
    def create(cls, folder: Path) -> Spool:
        """Make an empty file of this process. Names sort by the time of their making.

        Raises:
            OSError: it cannot be made.
        """
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        path, unlocked = folder / f"{name}{JOURNAL}", folder / f"{name}{_NEW}"
        descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unlocked.rename(path)
            _sync_folder(folder)
        except OSError:
            os.close(descriptor)
            raise
        spool = cls(path, descriptor)
        spool._closed = False
        return spool

    @classmethod
    def adopt(cls, path: Path) -> Spool | None:
        """Take a file whose process is gone, to read it. None: somebody has it, or it is no longer there."""
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its owner may have removed it between the two lines above.
            held = os.fstat(descriptor).st_ino == path.stat().st_ino
        except OSError:
            held = False
        if not held:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def append(self, content: str) -> None:
        """Write a record. When this returns, it survives a power cut. One ``fsync`` serves all who wait for one.

        Raises:
            SpoolClosed: the file takes no more.
            OSError: the disk is full or failed; the record does not count.
        """
        ticket = _Ticket(_line(content))
        with self._turn:
            if self._closed:
                raise SpoolClosed
            self._pending.append(ticket)
            while self._writing and not ticket.done:
                self._turn.wait()
            if not ticket.done:
                self._writing = True
                batch, self._pending = self._pending, []
            else:
                batch = []
        if batch:
            self._write_for_all(batch)
        if ticket.error is not None:
            raise ticket.error

    def read(self) -> Record | None:
        """Return the first record that is not done; None: there is none now. Unreadable lines are passed over."""
        with self._turn:
            size = self._size
        while self._position < size:
            line = self._line_at(self._position, size)
            end, content = self._position + len(line), content_of(line)
            if content is not None:
                return Record(content, end)
            self._pass_over(line, end)
        return None

    def done(self, record: Record) -> None:
        """Remember that a record is dealt with. Forgetting it after a crash only repeats it."""
        self._position = record.end
        with suppress(OSError):
            if self._progress is None:
                self._progress = os.open(self.path.with_suffix(PROGRESS), os.O_WRONLY | os.O_CREAT, 0o600)
            os.pwrite(self._progress, b"%020d" % record.end, 0)

    def set_aside(self, record: Record) -> Path:
        """Write a record that nobody could use into a file of its own, durably. Returns that file.

        Raises:
            OSError: the disk is full or failed.
        """
        path = self.path.with_suffix(ASIDE)
        with path.open("ab") as file:
            file.write(_line(record.content))
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
        return path

    def retire(self) -> bool:
        """Remove the file if everything in it is done; nothing is appended then. False: there is something left."""
        with self._turn:
            if self._pending or self._writing or self._position < self._size:
                return False
            self._closed = True
        if self._damaged:
            self.path.rename(self.path.with_suffix(DAMAGED))
        else:
            self.path.unlink(missing_ok=True)
        self.path.with_suffix(PROGRESS).unlink(missing_ok=True)
        self._let_go()
        return True

    def close(self) -> None:
        """Let go of the file: whoever comes next may take it."""
        with self._turn:
            while self._writing:
                self._turn.wait()
            self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        os.close(self._descriptor)
        if self._progress is not None:
            os.close(self._progress)

    def _line_at(self, start: int, size: int) -> bytes:
        """Read one line; nothing behind ``size`` is looked at, since that may still be taken back."""
        length = _GLANCE
        while True:
            data = os.pread(self._descriptor, min(length, size - start), start)
            line, end, _ = data.partition(b"\n")
            if end or len(data) < length:
                return line + end
            length *= 8

    def _write_for_all(self, batch: Sequence[_Ticket]) -> None:
        """Write a batch as one, and tell its threads."""
        error: BaseException | None = None
        try:
            self._write(b"".join(ticket.line for ticket in batch))
        except OSError as failure:
            error = failure
        with self._turn:
            self._writing = False
            for ticket in batch:
                ticket.done, ticket.error = True, error
            if self._closed:
                for ticket in self._pending:
                    ticket.done, ticket.error = True, SpoolClosed()
                self._pending = []
            self._turn.notify_all()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._cut()
            raise
        try:
            os.fsync(self._descriptor)
        except OSError:
            # What a failed fsync has dropped is not known, and a second one would not say: this file is not trusted.
            self._closed = True
            raise
        with self._turn:
            self._size += len(data)

    def _cut(self) -> None:
        """Remove what was written by half; where that fails the file takes no more."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._closed = True

    def _pass_over(self, line: bytes, end: int) -> None:
        if line.endswith(b"\n"):
            self._damaged = True
            log.error("journal_damaged", file=self.path.name, offset=self._position, hint="the file is kept")
        else:
            log.info("journal_torn", file=self.path.name, hint="its process ended while writing; nobody got a 2xx")
        self._position = end


def progress(path: Path) -> int:
    """Return how much of a file is done, in bytes; nothing where that cannot be read."""
    try:
        done = int(path.with_suffix(PROGRESS).read_bytes())
    except (OSError, ValueError):
        return 0
    return done if 0 <= done <= size_of(path) else 0


def size_of(path: Path) -> int:
    """Return a file's size in bytes, nothing where it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def content_of(line: bytes) -> str | None:
    """Return what a line holds; None: it is torn or damaged."""
    head, data, end = line[:_HEAD], line[_HEAD:-1], line[-1:]
    if end != b"\n" or head != b"%08x %08x " % (len(data), zlib.crc32(data)):
        return None
    return data.decode("ascii", "replace")


def _line(content: str) -> bytes:
    data = content.encode("ascii")
    return b"%08x %08x %s\n" % (len(data), zlib.crc32(data), data)


def _sync_folder(folder: Path) -> None:
    """Make a name in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
