"""A relay to play with: its real processes between a simulated HubSpot and simulated messengers."""

from __future__ import annotations

import os
import secrets as random_secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import logs
from app.cli import up
from app.cli.addresses import free_port
from app.embedded.supervise import relay_command
from app.errors import ConfigurationError, RelayError
from app.http import Http
from app.relay import accounts as account_use
from app.relay.services import Services, build
from app.settings import Settings, load, secrets
from app.storage import portals

#: The processes answer within this time (seconds), also on a slow machine.
_PATIENCE = 60.0
#: Where the demo listens, when these ports are free.
_WEB_PORT, _SIMULATOR_PORT = 8000, 8100
#: In a container everybody is root, and Celery's warning would be the first that a newcomer reads.
_QUIET = {"PYTHONWARNINGS": "ignore:You're running the worker"}


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    page: str
    machine: up.Machine
    services: Services
    #: Our ids of the accounts, by connector.
    accounts: dict[str, int]
    #: What commands in another terminal have to be given as their environment.
    environment: Path


@contextmanager
def running(*, anywhere: bool = False) -> Iterator[Demo]:
    """Run simulator, broker, web, workers and scheduler, with one portal and two accounts connected.

    ``anywhere``: on ports that nobody else asks for, so that several may run at once.
    """
    with tempfile.TemporaryDirectory(prefix="relay-demo-", ignore_cleanup_errors=True) as folder:
        web, simulator = (free_port(0 if anywhere else port) for port in (_WEB_PORT, _SIMULATOR_PORT))
        environment = _environment(Path(folder), web, simulator)
        settings = _settings(environment)
        logs.configure(settings, secrets(settings))
        command = relay_command("simulator", "--port", str(simulator))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        http = Http(call_timeout=5.0)
        try:
            with up.running(settings, {**environment, **_QUIET}, in_a_hurry=True) as machine:
                page = f"http://127.0.0.1:{simulator}"
                wait_for(http, f"{page}/_sim/switches")
                wait_for(http, f"{settings.public_url}/readyz")
                file = keep(Path(folder), environment, machine.settings)
                services = build(machine.settings)
                yield Demo(page, machine, services, _connect(http, page, services), file)
                services.close()
        finally:
            http.close()
            process.terminate()
            process.wait()


def _environment(folder: Path, web: int, simulator: int) -> dict[str, str]:
    """Return the settings of a demo. What the user has set of database and broker stays."""
    page = f"http://127.0.0.1:{simulator}"
    return {
        "RELAY_ENVIRONMENT": "demo",
        "RELAY_DATA_DIR": str(folder),
        "RELAY_PORT": str(web),
        "RELAY_PUBLIC_URL": f"http://127.0.0.1:{web}",
        "RELAY_SECRET_KEYS": random_secrets.token_urlsafe(32),
        "RELAY_HUBSPOT_API_URL": page,
        "RELAY_HUBSPOT_APP_URL": page,
        "RELAY_HUBSPOT_APP_ID": "3001",
        "RELAY_HUBSPOT_CLIENT_ID": "demo-client",
        "RELAY_HUBSPOT_CLIENT_SECRET": random_secrets.token_urlsafe(24),
        "RELAY_HUBSPOT_DEVELOPER_API_KEY": random_secrets.token_urlsafe(24),
        "RELAY_TELEGRAM_API_URL": f"{page}/telegram",
        "RELAY_LOOPBACK_API_URL": f"{page}/loopback",
        "RELAY_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
        "RELAY_LOG_LEVEL": os.environ.get("RELAY_LOG_LEVEL", "WARNING"),
    }


def keep(folder: Path, environment: Mapping[str, str], settings: Settings) -> Path:
    """Write a demo's settings, with the addresses that only its processes know, for commands in another terminal."""
    found = {
        "RELAY_DATABASE_URL": settings.database,
        "RELAY_BROKER_URL": settings.broker_url,
        "RELAY_REDIS_URL": settings.limiter_url,
    }
    file = folder / "demo.env"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in {**environment, **found}.items()), encoding="utf-8")
    return file


def _settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings of the demo: what the connectors look up by name has to stand in the environment."""
    os.environ.update(environment)
    return load()


def _connect(http: Http, page: str, services: Services) -> dict[str, int]:
    """Fill the simulator's world and connect one account of each simulated messenger, as an administrator would."""
    world = post(http, f"{page}/_sim/seed", {"relayUrl": services.settings.public_url})
    with services.database.write() as connection:
        portals.add(
            connection, int(world["portal"]), name="Demo", refresh_token=services.vault.seal(world["refreshToken"])
        )
    token = f"{random_secrets.randbelow(10**9) + 10**9}:{random_secrets.token_hex(18)}"
    post(http, f"{page}/_sim/telegram/bots", {"token": token, "username": "demo_bot", "name": "Demo"})
    dana = {"id": 77, "first_name": "Dana", "last_name": "Roe"}
    post(http, f"{page}/_sim/telegram/chats", {"bot": token, "chat_id": 77, "type": "private", "user": dana})
    loopback = random_secrets.token_urlsafe(24)
    post(http, f"{page}/_sim/loopback/accounts", {"token": loopback, "id": "demo", "name": "Demo"})
    customer = {"account": "demo", "conversation": "dana", "name": "Dana Roe"}
    post(http, f"{page}/_sim/loopback/conversations", customer)
    connected = {}
    for connector, account_id, credentials in (
        ("loopback", world["loopbackAccount"], {"token": loopback, "secret": random_secrets.token_urlsafe(24)}),
        ("telegram", world["telegramAccount"], {"token": token}),
    ):
        new = account_use.Wanted(
            connector=connector,
            portal_id=int(world["portal"]),
            channel_id=world["channel"],
            hubspot_id=account_id,
            name=connector.title(),
            credentials=credentials,
        )
        connected[connector] = account_use.add(services, new).id
    return connected


def post(http: Http, url: str, body: dict[str, Any]) -> Any:
    """Tell the simulator something."""
    answer = http.request("POST", url, json=body)
    if answer.status >= 400:  # noqa: PLR2004 - HTTP's own bound
        raise ConfigurationError(f"The simulator refused {url}: {answer.text}")
    return answer.json()


def wait_for(http: Http, url: str) -> None:
    """Wait until an address answers 200.

    Raises:
        ConfigurationError: it did not within a minute.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with suppress(RelayError):  # it does not listen yet
            if http.request("GET", url).status == 200:  # noqa: PLR2004 - HTTP's own word
                return
        time.sleep(0.05)
    raise ConfigurationError(f"{url} did not answer within {_PATIENCE:.0f} s: the lines above say why.")
