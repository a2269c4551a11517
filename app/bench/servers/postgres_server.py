"""A PostgreSQL server with its durability on, as in production."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import sql
from typing_extensions import override

from app.bench.servers import programs
from app.bench.servers.process import ServerProcess


class PostgresServer(ServerProcess):
    """PostgreSQL on loopback, anybody may log in; the superuser is ``relay``."""

    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": does not wait for clients to leave

    def __init__(self, *, port: int | None = None, max_connections: int = 100) -> None:
        """Choose a port.

        Raises:
            ProgramMissing: there is no PostgreSQL here.
        """
        self._programs: Path = programs.needed(programs.postgresql(), "postgresql").parent
        super().__init__(port=port)
        self._max_connections = max_connections
        self._numbers = itertools.count(1)

    @property
    @override
    def url(self) -> str:
        return self.database_url("postgres")

    def database_url(self, database: str) -> str:
        """The address of one database, for SQLAlchemy and psycopg alike."""
        return f"postgresql://relay@127.0.0.1:{self.port}/{database}"

    @property
    @override
    def user(self) -> str | None:
        """PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return None
        known = {entry.pw_name for entry in pwd.getpwall()}
        return "postgres" if "postgres" in known else "nobody"

    @override
    def prepare(self) -> None:
        if (self.folder / "data").exists():
            return
        if self.user:
            shutil.chown(self.folder, self.user)
        arguments = ["--auth=trust", "--username=relay", "--encoding=UTF8", "--no-locale", "--no-sync", "--pgdata=data"]
        subprocess.run(  # noqa: S603 - our own command
            [str(self._programs / "initdb"), *arguments],
            check=True,
            capture_output=True,
            cwd=self.folder,
            user=self.user,
            group=self.user and pwd.getpwnam(self.user).pw_gid,
            extra_groups=[] if self.user else None,
        )

    @override
    def command(self) -> list[str]:
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": str(self._max_connections),
            "shared_buffers": "32MB",
        }
        return [
            str(self._programs / "postgres"),
            *("-D", str(self.folder / "data")),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ]

    @override
    def is_ready(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> str:
        """Make an empty database; return its name."""
        name = f"relay_{next(self._numbers)}"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, and whoever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)
