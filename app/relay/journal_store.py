"""Hands the journal's records on to the database, one transaction each, as if they had just come."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial
from typing import Final, NoReturn

from pydantic import ValidationError

from app import logs
from app.domain.webhook import RawRequest
from app.errors import ConfigurationError
from app.relay import accept, outages
from app.relay.delivery import Delivery
from app.relay.journal import PATIENCE, Fate, Journal
from app.relay.services import Services
from app.storage import envelopes
from app.storage.database import DatabaseAway
from app.storage.patience import Patience

#: A record may take so long (seconds): nobody waits for its answer, and large ones take longer.
_PATIENCE: Final = 10.0
#: A database that takes others but refuses one record so often in a row means that record.
_REFUSALS: Final = 3

log = logs.get_logger(__name__)


class _RolledBack(Exception):
    """Ends a transaction that was only a question."""


def with_journal(services: Services) -> Services:
    """Return the services of a web process with its journal, which begins to work.

    Raises:
        ConfigurationError: its folder cannot be made.
    """
    patience = Patience(services.database)
    settings = services.settings
    try:
        journal = Journal(
            settings.data_dir,
            vault=services.vault,
            database=services.database,
            patience=patience,
            store=Shelf(services, patience).store,
            emptied=partial(outages.journal_emptied, services.database),
        )
    except OSError as error:
        raise ConfigurationError(f"RELAY_DATA_DIR cannot hold the journal: {error.strerror}.") from error
    journal.start()
    return replace(services, journal=journal)


class Shelf:
    """Stores records; what cannot be understood is kept unopened, and one that is refused blocks no other."""

    def __init__(self, services: Services, patience: Patience) -> None:
        """Take the services without a journal."""
        self._services = services
        self._patience = patience
        self._refused = 0

    def store(self, sealed: str) -> Fate:
        """Store one record. A second time it is recognised by its dedupe key."""
        try:
            delivery = Delivery.model_validate_json(self._services.vault.open_sealed(sealed))
        except (ConfigurationError, ValidationError) as error:
            log.error("journal_record_unreadable", error=type(error).__name__)  # noqa: TRY400 - it quotes the request
            return Fate.UNUSABLE
        fate = self._store(delivery)
        if fate is not Fate.AWAY:
            self._refused = 0
        return fate

    def _store(self, delivery: Delivery) -> Fate:
        try:
            with self._patience.limit(_PATIENCE):
                accept.store(self._services, delivery)
        except DatabaseAway as error:
            return self._refuse(delivery, error)
        except Exception as error:
            log.exception("journal_record_raised", source=delivery.source, account=delivery.account_id)
            return self._keep_unopened(delivery, error)
        return Fate.STORED

    def _refuse(self, delivery: Delivery, error: Exception) -> Fate:
        """Wait for the database, unless it is this one record that it refuses."""
        if not self._can_store():
            return Fate.AWAY
        self._refused += 1
        return Fate.AWAY if self._refused < _REFUSALS else self._keep_unopened(delivery, error)

    def _keep_unopened(self, delivery: Delivery, error: Exception) -> Fate:
        reason = f"The relay failed with {type(error).__name__} when it stored this request from its journal."
        try:
            with self._patience.limit(_PATIENCE):
                accept.keep_unopened(self._services, delivery, reason)
        except Exception:
            log.exception("journal_record_not_kept", source=delivery.source, account=delivery.account_id)
            return Fate.UNUSABLE if self._can_store() else Fate.AWAY
        return Fate.STORED

    def _can_store(self) -> bool:
        """Ask whether the database stores anything at all; nothing stays."""
        probe = RawRequest("GET", "")
        try:
            with self._patience.limit(PATIENCE), self._services.database.write() as connection:
                envelopes.store(connection, probe, source="journal", dedupe=secrets.token_hex(), account_id=None)
                _roll_back()
        except _RolledBack:
            return True
        except Exception as error:  # noqa: BLE001 - whatever it says, it does not store
            log.debug("database_still_away", error=type(error).__name__)
        return False


def _roll_back() -> NoReturn:
    raise _RolledBack
