"""What happens in the simulated world, as server-sent events for the page and for tests that wait."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

REPLAY = 500
HEARTBEAT_SECONDS = 15.0


@dataclass(frozen=True)
class Event:
    """One thing that happened; ids grow by one."""

    id: int
    kind: str
    data: dict[str, Any]

    def encode(self) -> str:
        """The event in the text/event-stream format."""
        return f"id: {self.id}\nevent: {self.kind}\ndata: {json.dumps(self.data, separators=(',', ':'))}\n\n"


class Events:
    """A log of the last events that many readers follow. Thread-safe; never blocks the publisher."""

    def __init__(self) -> None:
        """Start with an empty log."""
        self._condition = threading.Condition()
        self._log: deque[Event] = deque(maxlen=REPLAY)
        self._last = 0
        self._closed = False

    def publish(self, kind: str, data: dict[str, Any]) -> Event:
        """Append an event and wake the readers."""
        with self._condition:
            self._last += 1
            event = Event(self._last, kind, data)
            self._log.append(event)
            self._condition.notify_all()
        return event

    def since(self, last_id: int) -> list[Event]:
        """The kept events after `last_id`."""
        with self._condition:
            return self._after(last_id)

    def subscribe(self, last_id: int | None = None, *, heartbeat: float = HEARTBEAT_SECONDS) -> Iterator[str]:
        """Follow the log as text/event-stream chunks, a comment when `heartbeat` seconds pass in silence.

        Starts after `last_id`; None starts with what happens from now on. Ends when the log is closed.
        """
        with self._condition:
            position = self._last if last_id is None else last_id
        return self._follow(position, heartbeat)

    def close(self) -> None:
        """End every subscription."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _follow(self, position: int, heartbeat: float) -> Iterator[str]:
        yield "retry: 1000\n\n"
        while True:
            with self._condition:
                self._condition.wait_for(lambda seen=position: self._closed or self._last > seen, heartbeat)  # type: ignore[misc]
                if self._closed:
                    return
                fresh = self._after(position)
            if not fresh:
                yield ": still here\n\n"
            for event in fresh:
                position = event.id
                yield event.encode()

    def _after(self, last_id: int) -> list[Event]:
        return [event for event in self._log if event.id > last_id]
