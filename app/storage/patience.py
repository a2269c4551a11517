"""An end to waiting for a database that neither answers nor says no: a stopped server, a network that swallows all.

No time-out of the server's helps there, and TCP's own take a quarter of an hour. So a second thread shuts the sockets
of whoever has waited too long, and the statement ends as if the server had closed the connection. For PostgreSQL;
SQLite has no socket, and waits for its one writer as ever.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event

if TYPE_CHECKING:
    from app.storage.database import Database

#: Seconds within which a connection has to be made; the driver takes no less.
CONNECT_TIMEOUT: Final = 2

#: Seconds between two looks while somebody waits.
_LOOK: Final = 0.1


class _Wait:
    """What one thread does within its limit, and the connection that it uses."""

    def __init__(self, until: float) -> None:
        self.until = until
        self._descriptors: list[int] = []
        self._over = False
        self._lock = threading.Lock()

    def add(self, descriptor: int) -> None:
        """Remember a connection. Its descriptor is doubled: the number itself may soon mean another file."""
        with self._lock:
            double = os.dup(descriptor)
            self._descriptors.append(double)
            if self._over:
                _shut(double)

    def end(self) -> None:
        """Shut what is in use, and all that comes."""
        with self._lock:
            self._over = True
            for one in self._descriptors:
                _shut(one)

    def forget(self) -> None:
        """Let go of the connection: it is somebody else's now."""
        with self._lock:
            for one in self._descriptors:
                os.close(one)
            self._descriptors = []


class Patience:
    """Limits how long a thread waits for one database. Made once a database."""

    def __init__(self, database: Database) -> None:
        """Watch what the database's pool hands out."""
        self._mine = threading.local()
        self._waits: set[_Wait] = set()
        self._change = threading.Condition()
        self._closed = False
        self._watcher: threading.Thread | None = None
        self._limited = not database.is_sqlite
        if self._limited:
            event.listen(database.engine, "do_connect", _limit_connecting)
            # Before the driver's and the dialect's own first questions, which may hang as well.
            event.listen(database.engine, "connect", self._notice, insert=True)
            event.listen(database.engine, "checkout", self._notice)
            event.listen(database.engine, "checkin", self._let_go)

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Let whatever this thread asks the database in this block end after so many seconds.

        Raises:
            OperationalError: by the statement that waits: the connection is gone.
        """
        if not self._limited:
            yield
            return
        wait = _Wait(time.monotonic() + seconds)
        self._begin(wait)
        try:
            yield
        finally:
            self._mine.wait = None
            with self._change:
                self._waits.discard(wait)
            wait.forget()

    def close(self) -> None:
        """End the watching thread."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._watcher is not None:
            self._watcher.join()

    def _begin(self, wait: _Wait) -> None:
        self._mine.wait = wait
        with self._change:
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="patience", daemon=True)
                self._watcher.start()
            self._waits.add(wait)
            if len(self._waits) == 1:
                self._change.notify_all()

    def _notice(self, connection: Any, *_: object) -> None:
        wait: _Wait | None = getattr(self._mine, "wait", None)
        if wait is not None:
            wait.add(connection.fileno())

    def _let_go(self, *_: object) -> None:
        wait: _Wait | None = getattr(self._mine, "wait", None)
        if wait is not None:
            wait.forget()

    def _watch(self) -> None:
        while not self._closed:
            with self._change:
                while not self._waits and not self._closed:
                    self._change.wait()
                over = [one for one in self._waits if one.until <= time.monotonic()]
            for one in over:
                one.end()
            time.sleep(_LOOK)


def _limit_connecting(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
    parameters.setdefault("connect_timeout", CONNECT_TIMEOUT)


def _shut(descriptor: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as one:
        one.shutdown(socket.SHUT_RDWR)
