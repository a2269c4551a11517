"""One server process: start, stop, kill, restart on the same port."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

#: Below the range that Linux hands to outgoing connections, so that none of them takes a port chosen here.
_FIRST_PORT, _LAST_PORT = 15_000, 32_000


def free_port() -> int:
    """Return a loopback port nobody listens on. Not seeded: parallel processes share a test run's seed."""
    while True:
        port = _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def is_listening(port: int) -> bool:
    """Whether something on loopback accepts connections on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class ServerError(Exception):
    """A server did not become ready; the message ends with the last lines of its log."""


class ServerProcess(ABC):
    """A server that can be ended and started again with its data and its port unchanged.

    As a context manager it is started, and at the end stopped and its folder removed.
    """

    #: Seconds until it must answer.
    patience: ClassVar[float] = 20
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, *, port: int | None = None) -> None:
        """Choose a port and make a folder; nothing runs yet."""
        self.port = port or free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="relay-server-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address that clients use."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server answers."""

    def prepare(self) -> None:  # noqa: B027 - most servers need nothing
        """Write configuration or create data before each start."""

    @property
    def user(self) -> str | None:
        """The system user to run as; none means the one that runs this."""
        return None

    @property
    def pid(self) -> int:
        """The process's id.

        Raises:
            ServerError: it does not run.
        """
        if self._process is None:
            raise ServerError(f"{type(self).__name__} does not run")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers; nothing to do where it runs already.

        Raises:
            ServerError: its port is taken, it ended, or it did not answer in time.
        """
        if self.is_running:
            return
        self._wait_until_port_is_free()
        self.prepare()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - commands are our own
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                user=self.user,
                group=self.user and _group(self.user),
                extra_groups=[] if self.user else None,
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """End it the polite way, and the other way if it does not go within ten seconds."""
        if self._process is None:
            return
        if self.is_running:
            os.kill(self._process.pid, self.stop_signal)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """`kill -9`, for the process and its children: nothing is flushed, nobody says goodbye."""
        if self._process is None:
            return
        if self.is_running:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)
        self._process = None

    def restart(self) -> None:
        """Stop and start on the same port with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop and remove the folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _wait_until_port_is_free(self) -> None:
        """Whoever else listened there would answer in this server's place; what was just killed may need a moment."""
        deadline = time.monotonic() + 3
        while is_listening(self.port):
            if time.monotonic() > deadline:
                raise ServerError(f"{type(self).__name__}: port {self.port} is taken")
            time.sleep(0.02)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if not self.is_running:
                break
            if self.is_ready():
                return
            time.sleep(0.02)
        self.kill()
        last_lines = self._log.read_text(errors="replace").splitlines()[-15:]
        raise ServerError("\n".join([f"{type(self).__name__} is not ready", *last_lines]))


def _group(user: str) -> int:
    import pwd  # noqa: PLC0415 - not on every system, and needed only as root

    return pwd.getpwnam(user).pw_gid
