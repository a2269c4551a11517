"""Running the simulator: as a process of its own, or in a thread of a test."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from typing_extensions import override
from werkzeug.serving import WSGIRequestHandler, make_server

from app.settings import Settings
from app.simulator.application import create_simulator
from app.simulator.world import World

# Event streams hold a thread each; the rest is for the relay's calls.
THREADS = 48
KEEPALIVE_SECONDS = 30
#: What is under way at the end may take so long.
GRACE_SECONDS = 2


def serve(settings: Settings, host: str, port: int, *, base_url: str | None = None) -> None:
    """Run until a signal ends it. One process, because the world is in its memory.

    `base_url` is where clients reach it, when that is not where it listens.
    """
    world = World()
    world.base_url = base_url or f"http://{host}:{port}"
    _Gunicorn(create_simulator(settings, world=world), f"{host}:{port}", closing=world.close).run()


class SimulatorServer:
    """The simulator on a free loopback port in a thread: `with SimulatorServer(settings) as simulator`."""

    def __init__(self, settings: Settings, *, world: World | None = None, port: int = 0) -> None:
        self.world = world or World()
        app = create_simulator(settings, world=self.world)
        self._server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_QuietHandler)
        # Streams and slow faults may be under way when a test ends.
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._server.block_on_close = False  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.world.base_url = self.url
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.world.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _QuietHandler(WSGIRequestHandler):
    """Streams without a length, which needs HTTP/1.1, and writes no access log."""

    protocol_version = "HTTP/1.1"

    @override
    def log(self, type: str, message: str, *args: Any) -> None:
        return


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    """Gunicorn with its settings from here and none from the command line."""

    def __init__(self, app: Flask, bind: str, *, closing: Callable[[], None]) -> None:
        self._app = app
        self._bind = bind
        self._closing = closing
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn shall do."""
        for name, value in {
            "bind": self._bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": KEEPALIVE_SECONDS,
            "graceful_timeout": GRACE_SECONDS,
            "post_worker_init": self._close_when_ended,
            "accesslog": None,
            "loglevel": "warning",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application."""
        return self._app

    def _close_when_ended(self, _worker: object) -> None:
        """Close the world when the signal comes: streams never end by themselves, and would be waited for."""
        end = signal.getsignal(signal.SIGTERM)

        def close_and_end(number: int, frame: FrameType | None) -> None:
            threading.Thread(target=self._closing, daemon=True).start()  # no lock is taken within a signal
            if callable(end):
                end(number, frame)

        signal.signal(signal.SIGTERM, close_and_end)
