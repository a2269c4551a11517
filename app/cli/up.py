"""Everything in one terminal on one machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import click

from app import logs
from app.cli.supervise import Role, Supervisor, relay_command
from app.settings import Settings, check_production, load, secrets
from app.storage import schema
from app.storage.database import Database


@dataclass(frozen=True)
class Machine:
    """The running roles of this machine."""

    settings: Settings
    supervisor: Supervisor
    broker: str


@click.command()
def up() -> None:
    """Run web, workers and scheduler here, with an embedded broker where none is configured.

    A role that dies is started again. Ctrl-C ends everything in order.
    """
    settings = load()
    check_production(settings)
    logs.configure(settings, secrets(settings))
    with running(settings) as machine:
        click.echo(f"database   {without_password(machine.settings.database)}")
        click.echo(f"broker     {machine.broker}")
        click.echo(f"web        http://{settings.host}:{settings.port}")
        click.echo("Ctrl-C ends it.")
        machine.supervisor.run()


@contextmanager
def running(settings: Settings, environment: Mapping[str, str] | None = None) -> Iterator[Machine]:
    """Start the broker where none is configured, bring the schema up to date and start every role.

    ``environment`` is added to that of the roles. At the end everything is stopped.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    broker = None if settings.broker_url else embedded.start_broker(settings)
    try:
        url = settings.broker_url or (broker.url if broker else "")
        settings = settings.model_copy(update={"broker_url": url})
        _upgrade(settings)
        roles_environment = {**os.environ, **(environment or {}), "RELAY_BROKER_URL": url}
        supervisor = Supervisor(roles_environment, look=broker.ensure if broker else None)
        try:
            for role in roles(settings):
                supervisor.start(role)
            yield Machine(settings, supervisor, broker.title if broker else without_password(url))
        finally:
            supervisor.stop()
    finally:
        if broker is not None:
            broker.stop()


def roles(settings: Settings) -> list[Role]:
    """Return the roles of one machine: on SQLite one worker, because there is one writer; else one for each core."""
    count = 1 if settings.database.startswith("sqlite") else os.cpu_count() or 1
    workers = [Role(f"worker {number}", relay_command("worker", "--queues", "lanes")) for number in range(1, count + 1)]
    return [
        Role("web", relay_command("web")),
        *workers,
        Role("media", relay_command("worker", "--queues", "media")),
        Role("scheduler", relay_command("scheduler")),
    ]


def _upgrade(settings: Settings) -> None:
    database = Database(settings.database)
    try:
        schema.upgrade(database)
    finally:
        database.close()


def without_password(url: str) -> str:
    """Return what of a database's or broker's address may be shown."""
    return url.rsplit("@", 1)[-1]
