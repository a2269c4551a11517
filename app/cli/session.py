"""What a command works with: the database alone for looking, all services for doing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app import settings
from app.errors import ConfigurationError
from app.storage import schema
from app.storage.database import Database

if TYPE_CHECKING:
    from app.relay.services import Services

#: Rings into a broker inside this process, which nobody hears: the scheduler rings within a second.
_NOBODY = "memory://"


@contextmanager
def open_database() -> Iterator[Database]:
    """Open the configured database.

    Raises:
        ConfigurationError: a setting is wrong, or the tables are not those of this release.
    """
    with closing(Database(settings.load().database, pool=1)) as database:
        check_schema(database)
        yield database


@contextmanager
def open_services() -> Iterator[Services]:
    """Make all services. Where ``relay up`` brings the broker along, nobody is rung and the scheduler finds the work.

    Raises:
        ConfigurationError: as ``open_database``.
    """
    from app import logs  # noqa: PLC0415 - with the services below: Celery is slow to import, listings do without
    from app.relay.services import build  # noqa: PLC0415

    chosen = settings.load()
    # A command says itself what it did and what went wrong.
    logs.configure(chosen.model_copy(update={"log_level": "ERROR"}), settings.secrets(chosen))
    with closing(build(chosen.model_copy(update={"broker_url": chosen.broker_url or _NOBODY}), pool=2)) as services:
        check_schema(services.database)
        yield services


def check_schema(database: Database) -> None:
    """Check that the tables are there and are this release's.

    Raises:
        ConfigurationError: they are not; says what to do.
    """
    path = sqlite_file(database)
    if path is not None and not path.exists():
        raise ConfigurationError(
            f"There is no database at {path} yet: `relay db upgrade` makes it, RELAY_DATABASE_URL names another one."
        )
    current = schema.current(database)
    if current != schema.HEAD:
        raise ConfigurationError(
            f"The database is at revision {current or 'none'}, this release needs {schema.HEAD}: "
            "run `relay db upgrade`."
        )


def sqlite_file(database: Database) -> Path | None:
    """Return the file of a SQLite database, None for other databases."""
    name = database.url.database
    return Path(name) if database.is_sqlite and name and name != ":memory:" else None
