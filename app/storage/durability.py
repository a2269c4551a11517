"""Whether the database keeps what it has confirmed: the one assumption of the relay's promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: SQLite's levels of ``PRAGMA synchronous``; from FULL on a commit is on the disk.
_SYNCHRONOUS = ("off", "normal", "full", "extra")
_FULL = 2


@dataclass(frozen=True)
class Durability:
    """The settings that decide it, as the database itself reports them."""

    is_durable: bool
    settings: dict[str, str]


def read(connection: Connection) -> Durability:
    """Ask the database how durable a commit is."""
    if connection.dialect.name == "sqlite":
        level = int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
        journal = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
        return Durability(level >= _FULL, {"synchronous": _SYNCHRONOUS[level], "journal_mode": journal})
    names = ("fsync", "synchronous_commit")
    found = {name: str(connection.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in names}
    return Durability("off" not in found.values(), found)
