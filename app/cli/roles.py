"""One role each, for the Procfile and containers: web, worker, scheduler, simulator."""

from __future__ import annotations

import os
import runpy
import sys

import click

from app import logs
from app.cli.addresses import check_port, check_urls
from app.domain.office_hours import OfficeHours
from app.doorbell import QUEUE_LANES, QUEUE_MEDIA, QUEUES
from app.errors import ConfigurationError
from app.settings import Settings, check_production, check_times, load, secrets

#: A web process is replaced after about so many requests, against slow leaks anywhere.
_MAX_REQUESTS = 50_000
#: Seconds that an idle connection of a caller is kept.
_KEEPALIVE = 30
#: Seconds that requests in flight are given at the end.
_GRACE = 20
#: Media workers give way: a text is short, and somebody waits for it.
_NICE = 5


def checked(settings: Settings) -> Settings:
    """Do what every role does first.

    Raises:
        ConfigurationError: a secret is missing or weak, there is no broker, or an address or the office hours are
            of a wrong kind.
    """
    check_production(settings)
    check_times(settings)
    OfficeHours.read(settings.office_hours)
    if not settings.broker_url:
        raise ConfigurationError(
            "RELAY_BROKER_URL is missing: name a Redis or RabbitMQ, or run `relay up`, which brings a broker along."
        )
    check_urls(settings)
    return settings


@click.command()
@click.option("--host", help="Address to listen on (RELAY_HOST).")
@click.option("--port", type=int, help="Port to listen on (RELAY_PORT).")
def web(host: str | None, port: int | None) -> None:
    """Take webhooks and serve pages."""
    settings = checked(load())
    host, port = host or settings.host, port or settings.port
    check_port(host, port, fix="end what listens there, or set RELAY_PORT")
    _become(web_command(settings, f"{host}:{port}"))


def web_command(settings: Settings, bind: str) -> list[str]:
    """Return Gunicorn's command line. Threads, because a request is a short wait for the database."""
    options = {
        "bind": bind,
        "workers": settings.web_processes,
        "threads": settings.web_threads,
        "worker-class": "gthread",
        "keep-alive": _KEEPALIVE,
        "max-requests": _MAX_REQUESTS,
        "max-requests-jitter": _MAX_REQUESTS // 10,
        "graceful-timeout": _GRACE,
        "log-level": "warning",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "gunicorn", *flags, "app.web:from_environment()"]


@click.command()
@click.option("--queues", default=",".join(QUEUES), show_default=True, help="Which queues to work on.")
@click.option("--concurrency", type=int, help="Lanes drained at once (RELAY_WORKER_THREADS).")
def worker(queues: str, concurrency: int | None) -> None:
    """Drain lanes and prepare media."""
    wanted = queues.split(",")
    if not set(wanted) <= set(QUEUES):
        raise ConfigurationError(f"There is no queue {queues!r}. There are: {', '.join(QUEUES)}.")
    settings = checked(load())
    if wanted == [QUEUE_MEDIA]:
        os.nice(_NICE)
    os.environ["REMAP_SIGTERM"] = "SIGQUIT"  # SIGTERM lets it finish what it has in hand
    _become(worker_command(settings, wanted, concurrency))


def worker_command(settings: Settings, queues: list[str], concurrency: int | None) -> list[str]:
    """Return Celery's command line.

    Lanes wait for answers most of the time and run as threads; media works on bytes and gets processes of its own,
    which a bad file may kill.
    """
    media_only = queues == [QUEUE_MEDIA]
    count = concurrency or (settings.media_processes if media_only else settings.threads)
    name = QUEUE_MEDIA if media_only else QUEUE_LANES if queues == [QUEUE_LANES] else "relay"
    command = [sys.executable, "-m", "celery", "--quiet", "--app", "workers.celery:app", "worker"]
    command += ["--queues", ",".join(queues)]
    command += ["--pool", "prefork" if media_only else "threads", "--concurrency", str(count)]
    command += ["--hostname", f"{name}-{os.getpid()}@%h", "--loglevel", settings.log_level]
    command += ["--without-gossip", "--without-mingle"]
    return command + (["--task-events"] if settings.worker_events else [])


@click.command()
def scheduler() -> None:
    """Ring what is due and sweep up what nobody finished. Two or more may run."""
    checked(load())
    _become([sys.executable, "-m", "workers.scheduler"])  # app imports no workers


def _become(command: list[str]) -> None:
    """Go on as ``python -m module arguments`` would; a new interpreter would read half of the modules once more."""
    module, sys.argv[1:] = command[2], command[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8100, show_default=True)
def simulator(host: str, port: int) -> None:
    """Run a fake HubSpot and fake messaging services with a page to play both sides."""
    from app.simulator.server import serve  # noqa: PLC0415 - so that the other commands start faster

    settings = load()
    logs.configure(settings, secrets(settings))
    check_port(host, port, fix="end what listens there, or choose another one with --port")
    click.echo(f"Open       http://{host}:{port}")
    click.echo("Ctrl-C ends it.")
    serve(settings, host, port)
