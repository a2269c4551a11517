"""The schema's version: migrations are run from here, by ``relay db upgrade`` and by tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import column, inspect, select, table

if TYPE_CHECKING:
    from alembic.config import Config

    from app.storage.database import Database

#: The newest revision that this release knows. Written here because the web role asks for it at every readiness check
#: and would import Alembic for nothing else; a test holds both together.
HEAD = "0009"

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSIONS = table("alembic_version", column("version_num"))


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to a revision, in one transaction. Running it again changes nothing."""
    from alembic import command  # noqa: PLC0415 - a third of a second that only this needs

    with database.write() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to a revision; data that only newer releases know is lost."""
    from alembic import command  # noqa: PLC0415 - as above

    with database.write() as connection:
        command.downgrade(_config(connection), revision)


def current(database: Database) -> str:
    """Return the revision that the database is at; empty before the first migration."""
    with database.read() as connection:
        if not inspect(connection).has_table(_VERSIONS.name):
            return ""
        return connection.execute(select(_VERSIONS.c.version_num)).scalar_one_or_none() or ""


def _config(connection: object = None) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
