"""What the receiver is measured against: a Flask application that answers and does nothing, behind the same server."""

from __future__ import annotations

import sys

from flask import Flask, Response
from typing_extensions import override

from app.bench.servers.process import ServerProcess, is_listening


def create_app() -> Flask:
    """Make an application that answers every POST with 204."""
    app = Flask(__name__)

    @app.post("/<path:path>")
    def nothing(path: str) -> Response:
        del path
        return Response(status=204)

    return app


class NoOpServer(ServerProcess):
    """That application behind Gunicorn."""

    def __init__(self, *, processes: int, threads: int) -> None:
        """Choose a port; as many processes and threads as the relay's web role has."""
        super().__init__()
        self._options = {
            "bind": f"127.0.0.1:{self.port}",
            "workers": processes,
            "threads": threads,
            "worker-class": "gthread",
            "keep-alive": 30,
            "log-level": "warning",
        }

    @property
    @override
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @override
    def command(self) -> list[str]:
        flags = [word for name, value in self._options.items() for word in (f"--{name}", str(value))]
        return [sys.executable, "-m", "gunicorn", *flags, "app.bench.noop:create_app()"]

    @override
    def is_ready(self) -> bool:
        return is_listening(self.port)
