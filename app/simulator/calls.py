"""When each call of a client began and ended, as the other side saw it: for tests that ask whether calls overlapped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

from flask import Flask, Response, g, request

#: Calls that are remembered.
KEPT = 200_000
#: The simulator's own pages and controls are nobody's calls.
_OWN = ("/_sim", "/static")


@dataclass(frozen=True)
class Call:
    """One call. `text` is that of its JSON body, empty where it has none; times are seconds since the epoch."""

    method: str
    path: str
    text: str
    began: float
    ended: float

    def as_json(self) -> dict[str, Any]:
        """The call as a JSON object."""
        return asdict(self)


class Calls:
    """The calls of the clients that changed something. Appending needs no lock."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is the world's clock."""
        self._now = now
        self._kept: deque[Call] = deque(maxlen=KEPT)

    def watch(self, app: Flask) -> None:
        """Write down every call of an application."""

        def began() -> None:
            g.call_began = self._now()

        def answered(response: Response) -> Response:
            if request.method not in {"GET", "HEAD"} and not request.path.startswith(_OWN):
                method, path, text, at = request.method, request.path, _text(), g.call_began

                def note() -> None:
                    self._kept.append(Call(method, path, text, at, self._now()))

                # Not after the last byte is out: who has the answer may call again before this thread goes on.
                if response.is_streamed:
                    _before_the_last_byte(response, note)  # it may drip
                else:
                    note()
            return response

        app.before_request(began)
        app.after_request(answered)

    def list(self) -> list[dict[str, Any]]:
        """The calls that have ended, in that order, as JSON objects."""
        return [one.as_json() for one in self._kept.copy()]

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()


def _before_the_last_byte(response: Response, act: Callable[[], None]) -> None:
    """Act once: before the last byte of a stream goes out, or when its client has gone."""
    pieces, left = response.response, response.content_length or 0
    acts = [act]

    def watched() -> Iterator[bytes]:
        nonlocal left
        for piece in cast("Iterable[bytes]", pieces):
            left -= len(piece)
            if left <= 0 and acts:
                acts.pop()()
            yield piece

    response.response = watched()
    response.call_on_close(lambda: acts.pop()() if acts else None)


def _text() -> str:
    body = request.get_json(silent=True) if request.mimetype == "application/json" else None
    return str(body.get("text", "")) if isinstance(body, dict) else ""
