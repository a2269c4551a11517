"""No secret in clear: the whole is driven once, then logs, listings and every table are searched for every secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from app import logs, settings
from app.cli import main
from app.errors import RelayError
from app.hubspot.oauth import SCOPES
from app.hubspot.popup import Popup, read_popup
from app.relay import accounts, connect, doctor, portals, schedule
from app.relay.connect import Draft
from app.relay.install import install
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.simulator.hubspot.grants import AuthorizationCode
from app.storage import sealed
from app.storage.tables import metadata
from tests.app.cli.conftest import plain
from tests.app.relay.world import RelayWorld, relay_world

BOT = "123456789:" + "TelegramTokenOfTheSecretsTest0123456789"
WORDS = {
    "secret_keys": "sealing-key-of-the-secrets-test",
    "hubspot_client_secret": "client-secret-of-the-tests",
    "hubspot_developer_api_key": "developer-key-of-the-tests",
    "console_password": "console-password-of-the-secrets-test",
    "flower_password": "flower-password-of-the-secrets-test",
}
#: Listings and reports that take --json; the others are called without.
COMMANDS = (
    *("portals list", "accounts list", "messages list", "messages show 1", "envelopes list", "dead-letters list"),
    *("trace m-1", "settings", "connectors", "doctor", "keys status", "channel show", "accounts test 1"),
)


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str) -> Iterator[RelayWorld]:
    """A relay with secrets in every setting, to which the environment of commands leads, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RELAY_ENVIRONMENT", "test")
    given = settings.load(**WORDS)
    chosen = {name: getattr(given, name) for name in WORDS}
    with relay_world(tmp_path, monkeypatch, migrated_sqlite_url, migrated=True, **chosen) as world:
        for name in (
            "data_dir",
            "database_url",
            "public_url",
            "hubspot_api_url",
            "hubspot_app_id",
            "hubspot_client_id",
        ):
            monkeypatch.setenv(f"RELAY_{name.upper()}", plain(getattr(world.services.settings, name)))
        monkeypatch.setenv("RELAY_ALLOWED_PRIVATE_HOSTS", "127.0.0.1")
        for name, value in WORDS.items():
            monkeypatch.setenv(f"RELAY_{name.upper()}", value)
        yield world


@pytest.fixture
def log(relay: RelayWorld) -> io.StringIO:
    """Everything that is logged, as a process of the relay's writes it."""
    stream = io.StringIO()
    chosen = relay.services.settings.model_copy(update={"log_format": "json", "log_level": "DEBUG"})
    logs.configure(chosen, settings.secrets(chosen), stream=stream)
    return stream


def drive(relay: RelayWorld) -> None:
    """Install, connect, write both ways, and let everything be refused once, with the secret in the refusal."""
    portals.add(relay.services, int(seed.PORTAL_ID), seed.REFRESH_TOKEN)
    install(relay.services, _code(relay))
    relay.call("POST", "/_sim/telegram/bots", {"token": BOT, "username": "shop_bot", "name": "Shop"})
    popup = _window(relay)
    connect.connect(relay.services, popup, Draft("telegram", "", {"token": BOT}))
    relay.call("GET", popup.redirect_url.removeprefix(relay.page))
    relay.settle()
    person = {"id": 77, "first_name": "Dana"}
    relay.call("POST", "/_sim/telegram/chats", {"bot": BOT, "chat_id": 77, "type": "private", "user": person})
    relay.call("POST", "/_sim/telegram/say", {"bot": BOT, "chat_id": 77, "text": "To the bot"})
    relay.answered()
    for thread in relay.threads():
        relay.reply(thread["id"], "An answer")
    relay.settle()
    _let_everything_be_refused(relay)
    with pytest.raises(RelayError):
        accounts.change(relay.services, relay.account.id, {"token": "a-wrong-token-of-the-tests"})
    doctor.examine(relay.services.settings)


def _let_everything_be_refused(relay: RelayWorld) -> None:
    for api in (Api.HUBSPOT, Api.TELEGRAM, Api.LOOPBACK):
        words = " ".join(known_to(relay, api))
        body = json.dumps({"status": "error", "message": words, "description": words, "error": words})
        for status in (400, 401, 403, 503):
            relay.fault(api, FaultKind.STATUS, status=status, body=body)
    for number in range(4):
        relay.say(f"Refused {number}", conversation=f"c{number + 2}")
        relay.call("POST", "/_sim/telegram/say", {"bot": BOT, "chat_id": 77, "text": f"Refused {number}"})
    for thread in relay.threads():
        relay.reply(thread["id"], "Refused")
    for _ in range(6):
        relay.settle()
        schedule.tend(relay.services)
        relay.pass_time(120)
    relay.world.faults.clear()


def _code(relay: RelayWorld) -> str:
    world = relay.world
    made = AuthorizationCode(
        value="code-of-the-secrets-test",
        app_id=seed.APP_ID,
        portal_id=seed.PORTAL_ID,
        redirect_uri=f"{relay.services.settings.public_url}/oauth/callback",
        scopes=frozenset(SCOPES),
        expires_at=world.clock.now() + 60,
    )
    world.hubspot.codes[made.value] = made
    return made.value


def _window(relay: RelayWorld) -> Popup:
    url = relay.call("POST", "/_sim/connect", {})["url"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return read_popup(query, relay.services.settings.model_copy(update={"hubspot_app_url": relay.page}))


def known_to(relay: RelayWorld, api: Api) -> list[str]:
    """What the other side was sent, and could repeat: HubSpot the portal's token, a service its own credentials."""
    with relay.services.database.read() as connection:
        found = [relay.services.vault.open_sealed(one.text) for one in sealed.every(connection)]
    services = [list(json.loads(text).values()) for text in found if text.startswith("{")]
    if api is Api.HUBSPOT:
        return [*WORDS.values(), *(text for text in found if not text.startswith("{"))]
    return [value for values in services for value in values]


def secrets_of(relay: RelayWorld) -> set[str]:
    """Every secret there is: settings, tokens that HubSpot ever gave, and what is sealed in the database."""
    found = {*WORDS.values(), BOT, "code-of-the-secrets-test"}
    found |= {*relay.world.hubspot.access_tokens, *relay.world.hubspot.refresh_tokens, *relay.world.hubspot.staging}
    with relay.services.database.read() as connection:
        for one in sealed.every(connection):
            text = relay.services.vault.open_sealed(one.text)
            found |= set(json.loads(text).values()) if text.startswith("{") else {text}
    return found


def dump(relay: RelayWorld) -> str:
    """Every row of every table, as whoever steals the database reads it."""
    with relay.services.database.read() as connection:
        rows = [str(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    return "\n".join(rows)


def listings() -> str:
    said = []
    for command in COMMANDS:
        words = command.split()
        said += [CliRunner().invoke(main, words).output, CliRunner().invoke(main, [*words, "--json"]).output]
    return "\n".join(said)


def shown(text: str, secrets: set[str]) -> dict[str, str]:
    """Return the secrets that stand in a text, each with what stands around it."""
    places = {secret: text.find(secret) for secret in secrets}
    return {secret: text[max(0, at - 80) : at + 80] for secret, at in places.items() if at >= 0}


def test_no_secret_is_in_logs_listings_errors_or_a_dump_of_the_database(relay: RelayWorld, log: io.StringIO) -> None:
    drive(relay)
    secrets = secrets_of(relay)
    assert len(secrets) >= 12
    assert "call_failed" in log.getvalue()
    assert shown(log.getvalue(), secrets) == {}
    assert shown(dump(relay), secrets) == {}
    logging.getLogger().handlers.clear()
    told: Any = listings()
    assert "Shop" in told
    assert shown(told, secrets) == {}
