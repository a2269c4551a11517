"""Everything in one terminal on one machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import click

from app import logs
from app.cli.addresses import check_port, check_urls
from app.domain.office_hours import OfficeHours
from app.embedded import EmbeddedBroker, Kind, start_broker
from app.embedded.supervise import Role, Supervisor, relay_command
from app.limiter import Limiter
from app.settings import Settings, check_production, check_times, load, secrets
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
def running(
    settings: Settings, environment: Mapping[str, str] | None = None, *, in_a_hurry: bool = False
) -> Iterator[Machine]:
    """Start the broker where none is configured, bring the schema up to date and start every role.

    ``environment`` is added to that of the roles. At the end everything is stopped, without ceremony if
    ``in_a_hurry``.
    """
    check_times(settings)
    OfficeHours.read(settings.office_hours)
    check_urls(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    # Counts of processes that are gone would be counted on.
    shutil.rmtree(settings.data_dir / "metrics", ignore_errors=True)
    with _embedded(settings) as broker:
        check_port(settings.host, settings.port, fix="end what listens there, or set RELAY_PORT")
        title = _title(settings, broker)
        settings = _pointed_at(settings, broker)
        _upgrade(settings)
        found = {"RELAY_BROKER_URL": settings.broker_url, "RELAY_REDIS_URL": settings.limiter_url}
        supervisor = Supervisor(
            {**os.environ, **(environment or {}), **found},
            look=broker.ensure if broker else None,
            in_a_hurry=in_a_hurry,
        )
        try:
            for role in roles(settings):
                supervisor.start(role)
            yield Machine(settings, supervisor, title)
        finally:
            supervisor.stop()


@contextmanager
def _embedded(settings: Settings) -> Iterator[EmbeddedBroker | None]:
    """Run an embedded broker where none is configured, or where the configured one cannot serve the limiter."""
    if settings.broker_url and settings.limiter_url:
        yield None
        return
    broker = start_broker(settings, prefer=Kind(settings.embedded_broker) if settings.embedded_broker else None)
    try:
        if broker.fresh:
            Limiter(broker.url).trust()
        yield broker
    finally:
        broker.stop()


def _title(settings: Settings, broker: EmbeddedBroker | None) -> str:
    """Say which broker runs."""
    if broker is None:
        return without_password(settings.broker_url)
    if settings.broker_url:
        return f"{without_password(settings.broker_url)}; rate limits are kept in the {broker.title}"
    return broker.title


def _pointed_at(settings: Settings, broker: EmbeddedBroker | None) -> Settings:
    if broker is None:
        return settings
    return settings.model_copy(
        update={"broker_url": settings.broker_url or broker.url, "redis_url": settings.redis_url or broker.url}
    )


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
