"""A whole relay for benchmarks: its real processes, a database, a broker and the simulator, on free loopback ports.

The roles see nothing of the caller's environment, so that one run is like the next. What each of them writes goes into
a file of the cluster's folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from typing_extensions import override

from app.bench import scene
from app.bench.scene import Connected
from app.bench.servers.postgres_server import PostgresServer
from app.bench.servers.process import ServerProcess, free_port
from app.bench.servers.redis_server import RedisServer
from app.embedded import EmbeddedBroker, start_broker
from app.embedded.supervise import Role, Supervisor, relay_command
from app.limiter import Limiter
from app.relay.services import Services, build
from app.settings import PREFIX, Settings
from app.storage import schema
from app.storage.database import Database

#: Seconds between two looks at roles that may have died.
_LOOK = 0.1
#: Web, workers and schedulers of a large cluster together hold more connections than PostgreSQL's default of 100.
_CONNECTIONS = 400


class DatabaseKind(StrEnum):
    """What keeps the truth."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class BrokerKind(StrEnum):
    """What carries the rings. ``EMBEDDED``: what ``relay up`` would bring along."""

    EMBEDDED = "embedded"
    REDIS = "redis"
    RABBITMQ = "rabbitmq"


@dataclass(frozen=True)
class Shape:
    """How many processes of each role. ``threads``: lanes that one worker drains at once."""

    webs: int = 1
    workers: int = 1
    media: int = 1
    schedulers: int = 1
    threads: int = 16
    web_processes: int = 1

    @property
    def names(self) -> list[str]:
        """The roles' names, each with its number from 1, without the webs'."""
        counts = {"worker": self.workers, "media": self.media, "scheduler": self.schedulers}
        return [f"{role} {number}" for role, count in counts.items() for number in range(1, count + 1)]


class _SimulatedSettings(Settings):
    """Settings whose messengers are the simulator's, without the environment that says so elsewhere."""

    @override
    def api_url(self, connector: str, default: str) -> str:
        return f"{self.hubspot_api_url}/{connector}"


@dataclass(frozen=True)
class Backing:
    """The servers beneath the roles. ``limiter`` is the broker itself where that is a Redis; SQLite has no server."""

    database: PostgresServer | None
    broker: ServerProcess | EmbeddedBroker
    limiter: RedisServer | EmbeddedBroker


@dataclass(frozen=True)
class Cluster:
    """A running relay.

    ``environment``: that of its roles. ``webs``: their addresses. ``page``: the simulator's address, empty without
    one. ``folder``: holds ``logs/`` and, on SQLite, the database.
    """

    folder: Path
    environment: dict[str, str]
    services: Services
    supervisor: Supervisor
    webs: list[str]
    page: str
    backing: Backing
    accounts: list[Connected]

    @property
    def settings(self) -> Settings:
        """The settings of all roles."""
        return self.services.settings

    def pids(self) -> dict[str, int]:
        """Return the process ids of the roles that run now, by name (``web 1``, ``worker 2``, ...)."""
        return {one.name: pid for one in self.supervisor.roles if (pid := one.pid) is not None}

    def send(self, name: str, number: signal.Signals) -> int | None:
        """Send a signal to a role and its children. Returns the process id, None where it does not run just now."""
        pid = self.pids().get(name)
        if pid is not None:
            os.killpg(pid, number)
        return pid

    def kill(self, name: str) -> int | None:
        """Send kill -9 to a role and its children; it is started again. Returns as ``send``."""
        return self.send(name, signal.SIGKILL)


@contextmanager
def running(
    shape: Shape,
    *,
    database: str = DatabaseKind.POSTGRESQL,
    broker: str = BrokerKind.REDIS,
    settings: Mapping[str, str] | None = None,
    simulator: bool = True,
    portals: int = 1,
    accounts: int = 1,
    messengers: tuple[str, ...] = scene.MESSENGERS,
    database_url: str | None = None,
    keep: bool = False,
) -> Iterator[Cluster]:
    """Run a relay, restarting what dies, and end all of it.

    ``settings``: further ones by name, as ``{"lease": "4"}``. ``accounts``: of each messenger in each portal; without
    the simulator they are stored and tested with nobody. ``database_url``: take this database instead of a fresh one;
    its schema is brought up to date. ``keep``: the folder with the logs stays.
    """
    with ExitStack() as stack:
        folder = _folder(stack, keep=keep)
        page = f"http://127.0.0.1:{free_port()}"
        found = _database(stack, DatabaseKind(database)) if database_url is None else None
        chosen = _settings(folder, page, shape, settings or {}, url=database_url or _url(found, folder))
        backing, chosen = _with_broker(stack, found, BrokerKind(broker), chosen)
        _upgrade(chosen)
        if simulator:
            _simulate(stack, folder, page, chosen)
        ports = [int(chosen["port"]), *(free_port() for _ in range(shape.webs - 1))]
        supervisor = _supervise(stack, backing, chosen, folder=folder, roles=_roles(shape, ports))
        services = build(_SimulatedSettings.model_validate(chosen))
        stack.callback(services.close)
        webs = [f"http://127.0.0.1:{port}" for port in ports]
        scene.wait_for(*(f"{web}/readyz" for web in webs), within=60)
        wanted = scene.Wanted(portals, accounts, messengers)
        connected = scene.connect(services, page if simulator else "", webs, wanted)
        yield Cluster(folder, _environment(chosen), services, supervisor, webs, page * simulator, backing, connected)


def _folder(stack: ExitStack, *, keep: bool) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="relay-cluster-"))
    (folder / "logs").mkdir()
    if not keep:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _settings(folder: Path, page: str, shape: Shape, more: Mapping[str, str], *, url: str) -> dict[str, str]:
    """Return the settings by name: those of the demo, with what the caller wants."""
    port = free_port()
    return {
        "environment": "demo",
        "data_dir": str(folder),
        "database_url": url,
        "port": str(port),
        "public_url": f"http://127.0.0.1:{port}",
        "secret_keys": secrets.token_urlsafe(32),
        "hubspot_api_url": page,
        "hubspot_app_url": page,
        "hubspot_app_id": "3001",
        "hubspot_client_id": "bench-client",
        "hubspot_client_secret": secrets.token_urlsafe(24),
        "hubspot_developer_api_key": secrets.token_urlsafe(24),
        "allowed_private_hosts": "127.0.0.1",
        "log_level": "WARNING",
        "worker_threads": str(shape.threads),
        "web_processes": str(shape.web_processes),
        **more,
    }


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return what the roles see: the settings, and the messengers' addresses, which are read by pattern."""
    page = settings["hubspot_api_url"]
    messengers = {f"{name}_api_url": f"{page}/{name}" for name in scene.MESSENGERS}
    variables = {f"{PREFIX}{name.upper()}": value for name, value in {**messengers, **settings}.items()}
    return {
        "PATH": os.defpath,
        # In a container everybody is root, and Celery would say so at each start.
        "PYTHONWARNINGS": "ignore:You're running the worker",
        **variables,
    }


def _database(stack: ExitStack, kind: DatabaseKind) -> PostgresServer | None:
    if kind is DatabaseKind.SQLITE:
        return None
    return stack.enter_context(PostgresServer(max_connections=_CONNECTIONS))


def _url(server: PostgresServer | None, folder: Path) -> str:
    return f"sqlite:///{folder / 'relay.db'}" if server is None else server.database_url(server.create_database())


def _with_broker(
    stack: ExitStack, database: PostgresServer | None, kind: BrokerKind, settings: dict[str, str]
) -> tuple[Backing, dict[str, str]]:
    """Start broker and limiter; return them, and the settings that name them."""
    limiter: RedisServer | EmbeddedBroker
    if kind is BrokerKind.EMBEDDED:
        limiter = start_broker(Settings.model_validate(settings))
        stack.callback(limiter.stop)
    else:
        limiter = stack.enter_context(RedisServer())
    broker = stack.enter_context(_rabbitmq()) if kind is BrokerKind.RABBITMQ else limiter
    Limiter(limiter.url).trust()
    return Backing(database, broker, limiter), {**settings, "broker_url": broker.url, "redis_url": limiter.url}


def _rabbitmq() -> ServerProcess:
    server = import_module("app.bench.servers.rabbitmq_server").RabbitmqServer
    return cast("ServerProcess", server())


def _upgrade(settings: Mapping[str, str]) -> None:
    database = Database(settings["database_url"], pool=1)
    try:
        schema.upgrade(database)
    finally:
        database.close()


def _simulate(stack: ExitStack, folder: Path, page: str, settings: Mapping[str, str]) -> None:
    """Start the simulator. Nobody starts it again: its world would be gone."""
    stage = Supervisor(_environment(settings), in_a_hurry=True)
    stack.callback(stage.stop)
    stage.start(_role("simulator", folder, "simulator", "--port", page.rpartition(":")[2]))
    scene.wait_for(f"{page}/_sim/switches", within=60)


#: What a role's command line is, by the first word of its name.
_COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "worker": ("worker", "--queues", "lanes"),
    "media": ("worker", "--queues", "media"),
    "scheduler": ("scheduler",),
}


def _roles(shape: Shape, ports: list[int]) -> dict[str, tuple[str, ...]]:
    """Return the commands of the roles by name."""
    webs = {f"web {number}": ("web", "--port", str(port)) for number, port in enumerate(ports, start=1)}
    return webs | {name: _COMMANDS[name.partition(" ")[0]] for name in shape.names}


def _role(name: str, folder: Path, *arguments: str) -> Role:
    """Return a role that writes into a file. The shell becomes it, so that the process id stays."""
    file = folder / "logs" / f"{name.replace(' ', '-')}.log"
    return Role(name, ["/bin/sh", "-c", 'exec "$@" >>"$0" 2>&1', str(file), *relay_command(*arguments)])


def _supervise(
    stack: ExitStack,
    backing: Backing,
    settings: Mapping[str, str],
    *,
    folder: Path,
    roles: Mapping[str, tuple[str, ...]],
) -> Supervisor:
    """Start the roles, and a thread that starts again what dies."""
    embedded = backing.limiter if isinstance(backing.limiter, EmbeddedBroker) else None
    look = embedded.ensure if embedded else None
    supervisor = Supervisor(_environment(settings), look=look, in_a_hurry=True)
    stack.callback(supervisor.stop)
    for name, arguments in roles.items():
        supervisor.start(_role(name, folder, *arguments))
    thread = threading.Thread(target=_look_after, args=(supervisor,), name="supervisor", daemon=True)
    stack.callback(thread.join)
    stack.callback(supervisor.stopping.set)
    thread.start()
    return supervisor


def _look_after(supervisor: Supervisor) -> None:
    while not supervisor.stopping.wait(_LOOK):
        supervisor.look_after()
