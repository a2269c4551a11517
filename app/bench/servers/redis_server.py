"""A Redis server, as a broker is to be set up: it refuses to evict."""

from __future__ import annotations

import socket
from pathlib import Path

from typing_extensions import override

from app.bench.servers import programs
from app.bench.servers.process import ServerProcess


class RedisServer(ServerProcess):
    """Redis on loopback; with ``appendonly`` it keeps its data over a `kill -9`."""

    def __init__(self, *, port: int | None = None, appendonly: bool = False) -> None:
        """Choose a port.

        Raises:
            ProgramMissing: there is no Redis here.
        """
        self._program: Path = programs.needed(programs.redis(), "redis-server")
        super().__init__(port=port)
        self._appendonly = appendonly

    @property
    @override
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @override
    def command(self) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self._appendonly else "no",
            "appendfsync": "always" if self._appendonly else "no",
            "maxmemory-policy": "noeviction",
        }
        return [str(self._program), *(word for name, value in options.items() for word in (f"--{name}", value))]

    @override
    def is_ready(self) -> bool:
        return self._ask("PING") == "+PONG"

    def flush(self) -> None:
        """Forget everything, in every database."""
        answer = self._ask("FLUSHALL")
        if answer != "+OK":
            raise AssertionError(f"FLUSHALL was answered {answer!r}")

    def _ask(self, command: str) -> str:
        """Send one inline command, return the first line of the answer; empty where there is none."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(f"{command}\r\n".encode())
                return connection.recv(64).decode().strip()
        except OSError:
            return ""
