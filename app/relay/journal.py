"""The journal: where accepted requests wait, durably and sealed, while the database is away (``RELAY_JOURNAL``).

While anything waits here, whatever comes is put behind it, so that the order of acceptance is kept; one thread hands
it on to the database in that order. A file whose process has ended is taken over by whoever looks first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from typing import Final, TypeVar

from app import logs, metrics
from app.errors import RelayError
from app.relay.account_cache import AccountCache
from app.relay.delivery import Delivery
from app.storage.accounts import AccountRow
from app.storage.database import Database, DatabaseAway
from app.storage.patience import Patience
from app.storage.spool import Spool, SpoolClosed
from app.storage.spool_survey import journals, waiting_bytes
from app.vault import Vault

T = TypeVar("T")

#: Folder in ``RELAY_DATA_DIR``.
FOLDER: Final = "journal"

#: A request waits so long (seconds) for a database that does not answer; then the next ones do not ask it.
PATIENCE: Final = 2.0
#: Seconds between two tries of a database that is away.
_LOOK: Final = 1.0
#: Seconds between two readings of the accounts.
_REFRESH: Final = 30.0
#: For ten requests that leave the journal eight may come, and each waits at most so long (seconds) for that; else a
#: receiver that takes in faster than one thread stores would never be done.
_ROOM: Final = 0.8
_LONGEST_WAIT: Final = 0.25
_MOST_ROOM: Final = 16.0

log = logs.get_logger(__name__)


class NotTaken(RelayError):
    """The database is away, and the journal cannot take this request either. Answered 503."""

    code = "journal_refused"


class Fate(Enum):
    """What became of a record: it is in the database, nothing can be stored now, or nobody can use this one."""

    STORED = auto()
    AWAY = auto()
    UNUSABLE = auto()


class Journal:
    """The journal of one web process."""

    def __init__(
        self,
        data_dir: Path,
        *,
        vault: Vault,
        database: Database,
        patience: Patience,
        store: Callable[[str], Fate],
        emptied: Callable[[], None] = lambda: None,
    ) -> None:
        """Use the folder of this machine; nothing runs yet.

        ``store`` hands one sealed record on; ``emptied`` is called when something was handed on and nothing is left.

        Raises:
            OSError: the folder cannot be made.
        """
        self.folder = data_dir / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cache = AccountCache(self.folder, vault)
        self.patience = patience
        self._vault = vault
        self._database = database
        self._store = store
        self._emptied = emptied
        self._in_use = False
        self._lock = threading.Lock()
        self._spools: list[Spool] = []
        self._own: Spool | None = None
        self._away = False
        self._refreshed = float("-inf")
        self._wake = threading.Event()
        self._stopped = False
        self._keeper = threading.Thread(target=self._run, name="journal", daemon=True)
        self._room = threading.Condition()
        self._credit = 0.0
        self._progressed = float("-inf")

    def start(self) -> None:
        """Take over what others have left, read the accounts, and begin to hand on."""
        self._adopt()
        try:
            self._refresh()
        except Exception:
            log.exception("journal_raised", hint="the accounts could not be read; it is tried again")
        self._wake.set()
        self._keeper.start()

    def close(self) -> None:
        """End the thread. What still waits is handed on by whoever comes next."""
        self._stopped = True
        self._wake.set()
        if self._keeper.is_alive():
            self._keeper.join()
        with self._lock:
            for spool in self._spools:
                spool.close()
            self._spools = []
        self.patience.close()

    @property
    def is_away(self) -> bool:
        """Whether the database did not answer when it was last asked."""
        return self._away

    @property
    def is_wanted(self) -> bool:
        """Whether a request has to go through the journal: the database is away, or something waits already."""
        return self._away or bool(self._spools)

    def account(self, ask: Callable[[], AccountRow | None], connector: str, key: str) -> AccountRow | None:
        """Ask the database for an account, or, while it is away, the accounts as they were.

        Raises:
            NotTaken: nobody can tell now whether there is such an account.
        """
        if not self._away:
            try:
                return self._noted(self._within_patience(ask))
            except DatabaseAway as error:
                self._lost(error)
        found = self.cache.find(connector, key)
        if found is None:
            raise NotTaken("The database is away and this account is not among those remembered. Come again.")
        return found

    def take(self, delivery: Delivery, store: Callable[[], None]) -> None:
        """Store a request, or write it down. When this returns, it is durable.

        Raises:
            NotTaken: the disk is full or failed.
        """
        if not self.is_wanted:
            try:
                return self._within_patience(store)
            except DatabaseAway as error:
                self._lost(error)
        self._append(delivery)
        log.info("journaled", source=delivery.source, account=delivery.account_id)
        return None

    def _within_patience(self, work: Callable[[], T]) -> T:
        with self.patience.limit(PATIENCE):
            return work()

    def _noted(self, row: AccountRow | None) -> AccountRow | None:
        """Have the accounts read anew where this one is not as it was."""
        if row is not None and not self.cache.knows(row):
            self._refreshed = float("-inf")
            self._wake.set()
        return row

    def _append(self, delivery: Delivery) -> None:
        sealed = self._vault.seal(delivery.model_dump_json())
        try:
            self._append_durably(sealed)
        except OSError as error:
            log.error("journal_full", error=error.strerror, hint="make room below RELAY_DATA_DIR")  # noqa: TRY400
            raise NotTaken("The database is away and the journal cannot be written. Come again.") from error
        metrics.JOURNAL_APPENDED.inc()
        if not self._away:
            self._wake.set()
        self._wait_for_room()

    def _append_durably(self, sealed: str) -> None:
        while True:
            spool = self._writable()
            try:
                return spool.append(sealed)
            except SpoolClosed:
                self._drop_own(spool)

    def _writable(self) -> Spool:
        with self._lock:
            if self._own is None:
                self._own = Spool.create(self.folder)
                self._spools.append(self._own)
            return self._own

    def _drop_own(self, spool: Spool) -> None:
        with self._lock:
            if self._own is spool:
                self._own = None

    def _wait_for_room(self) -> None:
        with self._room:
            if time.monotonic() - self._progressed < _LONGEST_WAIT:
                self._room.wait_for(lambda: self._credit >= 1, timeout=_LONGEST_WAIT)
                self._credit = max(0.0, self._credit - 1)

    def _make_room(self) -> None:
        with self._room:
            self._progressed = time.monotonic()
            self._credit = min(_MOST_ROOM, self._credit + _ROOM)
            self._room.notify()

    def _lost(self, error: Exception) -> None:
        if not self._away:
            log.error("database_away", error=type(error).__name__, hint="requests go to the journal meanwhile")
        self._away = True

    def _found(self) -> None:
        if self._away:
            log.info("database_back")
        self._away = False

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(_LOOK)
            self._wake.clear()
            try:
                self._look_after()
            except Exception:
                log.exception("journal_raised", hint="what waits is kept, and tried again in a second")

    def _look_after(self) -> None:
        self._adopt()
        if self._hand_on() and (self._away or time.monotonic() - self._refreshed >= _REFRESH):
            self._refresh()
        metrics.JOURNAL_WAITING.set(waiting_bytes(self.folder))

    def _adopt(self) -> None:
        """Take over the files whose processes have ended, the oldest first."""
        mine = {spool.path for spool in self._spools}
        for path in journals(self.folder):
            spool = Spool.adopt(path) if path not in mine else None
            if spool is not None:
                log.info("journal_taken_over", file=path.name)
                with self._lock:
                    self._spools = sorted([*self._spools, spool], key=lambda one: one.path)

    def _refresh(self) -> None:
        try:
            self._within_patience(lambda: self.cache.refresh(self._database))
        except DatabaseAway as error:
            self._lost(error)
            return
        self._refreshed = time.monotonic()
        self._found()

    def _hand_on(self) -> bool:
        """Hand on what waits, in order. False: the database is still away."""
        for spool in list(self._spools):
            while not self._stopped and (record := spool.read()) is not None:
                fate = self._store(record.content)
                if fate is Fate.AWAY:
                    return False
                if fate is Fate.UNUSABLE:
                    kept = spool.set_aside(record)
                    log.error("journal_set_aside", file=kept.name, hint="`relay doctor` says what to do")
                self._found()
                self._in_use = True
                spool.done(record)
                self._make_room()
            self._retire(spool)
        if self._in_use and not self._spools:
            self._emptied()
            self._in_use = False
        return True

    def _retire(self, spool: Spool) -> None:
        with self._lock:
            if spool.retire():
                self._spools = [one for one in self._spools if one is not spool]
                self._own = None if self._own is spool else self._own
