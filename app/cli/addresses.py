"""Addresses that cannot work, said in a sentence before processes start rather than in their tracebacks."""

from __future__ import annotations

import errno
import socket

from app.errors import ConfigurationError
from app.settings import Settings

_DATABASES = ("postgresql", "sqlite")
_BROKERS = ("redis", "sentinel", "amqp", "pyamqp", "memory")


def check_urls(settings: Settings) -> None:
    """Check that the database and the broker, where one is named, are of a kind that the relay works with.

    Raises:
        ConfigurationError: they are not.
    """
    if not settings.database.startswith(_DATABASES):
        from app.storage.database import Database  # noqa: PLC0415 - slow to import, and it knows what is wrong

        Database(settings.database)
    if settings.broker_url and not settings.broker_url.startswith(_BROKERS):
        kind = settings.broker_url.partition(":")[0]
        raise ConfigurationError(
            f"RELAY_BROKER_URL is of {kind!r}: name a Redis (redis://host:6379/0) or a RabbitMQ (amqp://user:password@host)."
        )


def check_port(host: str, port: int, *, fix: str) -> None:
    """Check that a server can listen there. ``fix`` ends the sentence: how to choose another address.

    Raises:
        ConfigurationError: the port is taken, or the address is not this machine's.
    """
    problem = _problem(host, port)
    if problem:
        raise ConfigurationError(f"Nothing can listen on {host}:{port} ({problem}): {fix}.")


def free_port(wanted: int) -> int:
    """Return the wanted port of 127.0.0.1 where it is free, else any free one.

    Raises:
        ConfigurationError: none is free.
    """
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigurationError("No port is free on 127.0.0.1.")


def _problem(host: str, port: int) -> str:
    """Return why nobody can listen there, empty where somebody can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return "another program does" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
    return ""
