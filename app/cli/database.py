"""``relay db``: the database's tables."""

from __future__ import annotations

from contextlib import closing

import click

from app import settings
from app.cli.session import sqlite_file
from app.storage import schema
from app.storage.database import Database


@click.group()
def db() -> None:
    """Bring the database's tables up to date."""


@db.command()
def upgrade() -> None:
    """Run the migrations. Running them again changes nothing."""
    with closing(Database(settings.load().database, pool=1)) as database:
        path = sqlite_file(database)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        before = schema.current(database)
        schema.upgrade(database)
    done = "is up to date" if before == schema.HEAD else "was upgraded"
    click.echo(f"The database {done}: revision {schema.HEAD}.")
