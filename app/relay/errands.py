"""Small things that are done beside the work, and that nobody waits for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from app import logs

#: So many wait at most; while the other side is slow, the oldest are dropped.
_MOST = 100

log = logs.get_logger(__name__)


class Errands:
    """One thread that runs them one after the other. Started with the first one."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: deque[Callable[[], None]] = deque(maxlen=_MOST)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._is_busy = False

    def offer(self, errand: Callable[[], None]) -> None:
        """Run something soon. Whatever it raises is logged."""
        with self._changed:
            self._waiting.append(errand)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="errands", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until everything that was offered is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not (self._waiting or self._is_busy))

    def close(self) -> None:
        """Forget what is left and end the thread, after the errand that it runs."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while errand := self._next():
            try:
                errand()
            except Exception:
                log.exception("errand_raised")

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._is_busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._is_busy = not self._closed
            return None if self._closed else self._waiting.popleft()
