"""The database: PostgreSQL, or SQLite as the embedded default."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import ConfigurationError
from app.storage import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["Connection", "Database", "DatabaseAway"]

#: What every statement raises while the database is away or restarting.
DatabaseAway = (OperationalError, InterfaceError, PoolTimeout)

#: SQLite waits so long (ms) for the one writer before it refuses a transaction.
_BUSY_TIMEOUT = 30_000
#: At PostgreSQL's level of isolation each statement sees what was committed before it, in a transaction or without:
#: beginning and ending one would be two more ways to the server and back.
_ALONE_POSTGRESQL = {"isolation_level": "AUTOCOMMIT"}
_READING_SQLITE = {"relay_reads": True}
_USE = "the relay works with postgresql://user:password@host/database and sqlite:////path/to/file"


class Database:
    """Transactions on the relay's tables."""

    def __init__(self, url: str, *, pool: int = 16) -> None:
        """Prepare connections; none is opened yet.

        Raises:
            ConfigurationError: the address is malformed or of another database.
        """
        self.url = _checked(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _engine(self.url, self.is_sqlite, pool)
        self._alone = self.engine if self.is_sqlite else self.engine.execution_options(**_ALONE_POSTGRESQL)
        self._reading = self.engine.execution_options(**_READING_SQLITE) if self.is_sqlite else self._alone

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Begin a transaction that may write; committed at the end, rolled back on an error."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write_one(self) -> Iterator[Connection]:
        """Write with one statement: it is a transaction of its own, and saves the ways that begin and end one."""
        with self._alone.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Read. On SQLite that is one transaction and waits for no writer; on PostgreSQL each statement is its own."""
        with self._reading.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection: the idle ones now, those in use when they are given back."""
        event.listen(self.engine.pool, "checkin", _close)
        self.engine.dispose()


def _close(connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    if connection is not None:
        record.invalidate()


def _checked(url: str) -> Any:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Without the cause: it quotes the address, which may hold a password.
        raise ConfigurationError(f"RELAY_DATABASE_URL cannot be read: {_USE}.") from None
    backend = parsed.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigurationError(f"RELAY_DATABASE_URL is of {backend!r}: {_USE}.")
    if parsed.database in {None, "", ":memory:"}:
        raise ConfigurationError(f"RELAY_DATABASE_URL names no file, but several processes share it: {_USE}.")
    return parsed


def _engine(url: Any, sqlite: bool, pool: int) -> Engine:  # noqa: FBT001
    if not sqlite:
        engine = create_engine(url, pool_size=pool, max_overflow=pool, pool_pre_ping=False, pool_recycle=1800)
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    engine = create_engine(url, pool_size=pool, max_overflow=pool, connect_args={"timeout": _BUSY_TIMEOUT / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # Compiling the scheduler's look took 10.7 s where the look itself takes half a millisecond: once the tables were
    # analysed, the estimate for it was high enough.
    connection.execute("SET jit = off")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_sqlite does
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_TIMEOUT}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    clock.install(connection)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later is refused when another wrote meanwhile, at once and however
    # long the busy time-out: 68 % of them under 45 threads. Taking the write lock at the start waits instead.
    reads = connection.get_execution_options().get("relay_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
