"""The one clock of leases, due times and deadlines: the database's own.

On PostgreSQL that is the server's. SQLite has no server, so all processes of a machine share its boot clock, anchored
once a boot to the wall clock (table ``boots``): a wall clock that jumps then neither ends leases early nor freezes
lanes.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy.sql.compiler import SQLCompiler

#: Seconds after a start of PostgreSQL in which no lease counts as run out.
_SETTLES_IN = 3
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class now(FunctionElement[float]):  # noqa: N801 - reads as the SQL function that it is
    """Seconds since 1970 at the start of the statement, by the database's clock."""

    type = Double()
    inherit_cache = True


@compiles(now, "postgresql")
def _postgresql(_element: now, _compiler: SQLCompiler, **_kw: Any) -> str:
    # Not clock_timestamp(): a volatile function could not use the index on `due`.
    return "extract(epoch from statement_timestamp())::double precision"


@compiles(now, "sqlite")
def _sqlite(_element: now, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "relay_now()"


class settled(FunctionElement[bool]):  # noqa: N801 - likewise
    """Whether the database has run long enough for leases that ran out while it was away to mean something.

    Workers whose calls ended meanwhile come first and record what became of them: a moment is enough, they try twice a
    second. SQLite is never away.
    """

    type = Boolean()
    inherit_cache = True


@compiles(settled, "postgresql")
def _settled_postgresql(_element: settled, _compiler: SQLCompiler, **_kw: Any) -> str:
    return f"(statement_timestamp() - pg_postmaster_start_time() > interval '{_SETTLES_IN} seconds')"


@compiles(settled, "sqlite")
def _settled_sqlite(_element: settled, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "1"


def install(connection: sqlite3.Connection) -> None:
    """Give a SQLite connection the function ``relay_now``."""
    offset = _offset(connection)
    connection.create_function("relay_now", 0, lambda: _boot_clock() + offset)


def _offset(connection: sqlite3.Connection) -> float:
    """Seconds between this boot's start and 1970, as the first process of this boot saw them."""
    import sqlite3  # noqa: PLC0415 - only where SQLite is the database

    boot = _boot_id()
    offset = time.time() - _boot_clock()
    try:
        row = connection.execute("SELECT epoch_offset FROM boots WHERE boot_id = ?", (boot,)).fetchone()
        if row is None:
            connection.execute("INSERT OR IGNORE INTO boots VALUES (?, ?)", (boot, offset))
            row = connection.execute("SELECT epoch_offset FROM boots WHERE boot_id = ?", (boot,)).fetchone()
    except sqlite3.OperationalError:
        return offset  # before the first migration there is no table, and nothing that could be leased
    return float(row[0])


def _boot_clock() -> float:
    """Seconds since boot, sleep included; the wall clock on systems without such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.time()


def _boot_id() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else "no boot clock"
