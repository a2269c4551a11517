"""The accounts as this machine last saw them in the database: what the receiver verifies by while that is away.

Kept in memory and in one sealed file of the machine, so that a web process can start without the database.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from app import logs
from app.errors import ConfigurationError
from app.storage import accounts
from app.storage.accounts import AccountRow
from app.storage.database import Database
from app.vault import Vault

FILE: Final = "accounts.sealed"

#: Seconds after which accounts that the database did not confirm are not believed any more: a week.
TRUSTED_FOR: Final = 7 * 86_400.0
#: Seconds after which the file is written anew although nothing has changed: it tells its age.
_CONFIRMED_EVERY: Final = 600.0

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class _Seen:
    """All accounts, and when (seconds since 1970) the database said so."""

    at: float
    rows: tuple[AccountRow, ...]


_SEEN = TypeAdapter(_Seen)


class AccountCache:
    """The accounts by their webhooks' addresses. Any thread may ask."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        """Begin with what the file holds, if it can be opened."""
        self._path = folder / FILE
        self._vault = vault
        self._lock = threading.Lock()
        self._written = self._read()
        self._seen = self._written
        self._by_address = _by_address(self._seen)

    @property
    def age(self) -> float | None:
        """Seconds since the database confirmed the accounts; None: it never did."""
        return None if self._seen is None else max(0.0, time.time() - self._seen.at)

    @property
    def is_trusted(self) -> bool:
        """Whether requests may be verified by it."""
        age = self.age
        return age is not None and age <= TRUSTED_FOR

    def find(self, connector: str, key: str) -> AccountRow | None:
        """Return the account with this webhook address. None: it is not here, or all are too old to be believed."""
        return self._by_address.get((connector, key)) if self.is_trusted else None

    def knows(self, row: AccountRow) -> bool:
        """Tell whether an account that was read is here with the same credentials."""
        found = self.find(row.connector, row.key)
        return found is not None and found.credentials == row.credentials

    def refresh(self, database: Database) -> None:
        """Read the accounts, and write the file where they have changed or it has grown old.

        Raises:
            DatabaseAway: they are as they were.
        """
        with database.read() as connection:
            rows = tuple(accounts.every(connection))
        with self._lock:
            self._seen = _Seen(time.time(), rows)
            self._by_address = _by_address(self._seen)
            if self._is_worth_writing(self._seen):
                self._write(self._seen)

    def _is_worth_writing(self, seen: _Seen) -> bool:
        written = self._written
        return written is None or written.rows != seen.rows or seen.at - written.at > _CONFIRMED_EVERY

    def _write(self, seen: _Seen) -> None:
        """Put the file in the old one's place; it is whole or not there."""
        draft = self._path.with_suffix(f".{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(self._vault.seal(_SEEN.dump_json(seen).decode()))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            log.warning("account_cache_not_written", error=error.strerror, hint="see RELAY_DATA_DIR")
        else:
            self._written = seen

    def _read(self) -> _Seen | None:
        try:
            return _SEEN.validate_json(self._vault.open_sealed(self._path.read_text(encoding="ascii")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ValidationError, ConfigurationError) as error:
            log.warning("account_cache_not_read", error=type(error).__name__, hint="it is made anew from the database")
            return None


def _by_address(seen: _Seen | None) -> dict[tuple[str, str], AccountRow]:
    return {(row.connector, row.key): row for row in seen.rows} if seen is not None else {}
