"""Everything that a process needs to do the relay's work, made once at its start."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from app import logs
from app.connectors import registry
from app.connectors.base import Connector
from app.domain.account import Account
from app.doorbell import Doorbell
from app.errors import ConfigurationError
from app.http import Http
from app.hubspot.client import HubSpot
from app.limiter import Limiter
from app.media.store import FolderStore, MediaStore
from app.relay.alarm import Alarm
from app.relay.errands import Errands
from app.relay.journal import Journal
from app.settings import Settings
from app.storage.accounts import AccountRow
from app.storage.database import Database
from app.storage.stored_media import DatabaseStore
from app.vault import Vault


@dataclass(frozen=True)
class Services:
    """What the use cases work with."""

    settings: Settings
    database: Database
    doorbell: Doorbell
    alarm: Alarm
    errands: Errands
    limiter: Limiter | None
    http: Http
    hubspot: HubSpot
    vault: Vault
    #: Where bytes wait for messaging services.
    store: MediaStore
    #: Names this process in leases and attempts.
    name: str
    #: Where requests wait while the database is away: of a web process with RELAY_JOURNAL.
    journal: Journal | None = None

    def close(self) -> None:
        """Close every connection."""
        if self.journal is not None:
            self.journal.close()
        self.alarm.close()
        self.errands.close()
        self.database.close()
        self.doorbell.close()
        self.http.close()
        if self.limiter is not None:
            self.limiter.close()

    def connector(self, account: AccountRow) -> Connector:
        """Return the connector of an account."""
        return registry.get(account.connector)

    def opened(self, row: AccountRow) -> Account:
        """Return an account with its credentials opened, as connectors get it. Their secrets go to the logs' redaction.

        Raises:
            ConfigurationError: no key opens the credentials, or they were deleted with the account.
        """
        if row.is_wiped:
            raise ConfigurationError(f"Account {row.id} was removed: connect it anew.")
        connector = self.connector(row)
        credentials = connector.credentials.model_validate_json(self.vault.open_sealed(row.credentials))
        logs.add_secrets(secret_values(credentials))
        return Account(
            id=row.id,
            key=row.key,
            connector=row.connector,
            portal_id=row.portal_id,
            channel_id=row.channel_id,
            hubspot_id=row.hubspot_id,
            name=row.name,
            identifier=row.identifier,
            credentials=credentials,
            credentials_version=row.credentials_version,
            api_url=self.settings.api_url(row.connector, connector.api_url),
        )


def build(settings: Settings, *, pool: int = 16) -> Services:
    """Make the services of a process.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    if not settings.broker_url:
        raise ConfigurationError(
            "RELAY_BROKER_URL is missing: name a Redis or RabbitMQ, or run `relay up`, which brings a broker along."
        )
    if not settings.limiter_url and not settings.broker_url.startswith("memory:"):
        raise ConfigurationError("RELAY_REDIS_URL is missing: the broker is no Redis, and limits are kept in one.")
    doorbell = Doorbell(settings.broker_url)
    database = Database(settings.database, pool=pool)
    http = Http(allowed_private_hosts=settings.allowed_private_hosts, call_timeout=settings.call_timeout)
    return Services(
        settings=settings,
        database=database,
        doorbell=doorbell,
        alarm=Alarm(doorbell),
        errands=Errands(),
        limiter=Limiter(settings.limiter_url) if settings.limiter_url else None,
        http=http,
        hubspot=HubSpot(settings, http),
        vault=Vault([key.get_secret_value() for key in settings.secret_keys]),
        store=_store(settings, database),
        name=f"{socket.gethostname()}:{os.getpid()}",
    )


def _store(settings: Settings, database: Database) -> MediaStore:
    if settings.media_store == "database":
        return DatabaseStore(database)
    return FolderStore(Path(settings.media_store))


def secret_values(credentials: object) -> list[str]:
    """Return the secret values of a connector's credentials."""
    values = vars(credentials).values()
    return [one.get_secret_value() for one in values if hasattr(one, "get_secret_value") and one.get_secret_value()]


def seal_credentials(vault: Vault, credentials: object) -> str:
    """Seal a connector's credentials for storing."""
    import json  # noqa: PLC0415 - only here

    plain = {
        name: value.get_secret_value() if hasattr(value, "get_secret_value") else value
        for name, value in vars(credentials).items()
    }
    return vault.seal(json.dumps(plain))
