"""The few statements that SQLite and PostgreSQL spell alike but SQLAlchemy keeps in two places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Table


def upsert(dialect: str, table: Table) -> Any:
    """Return an INSERT of a dialect, which has ``on_conflict_do_nothing`` and ``_do_update``."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def insert_or_ignore(dialect: str, table: Table) -> Any:
    """Return an INSERT that passes over rows which are already there."""
    return upsert(dialect, table).on_conflict_do_nothing()
