"""Facts that must reach the database, however long it is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from app import logs
from app.storage.database import Connection, Database, DatabaseAway

#: Seconds between tries, growing to the last. Short, because whoever finds the lease run out first judges the call.
_PAUSES = (0.1, 0.25, 0.5)

Result = TypeVar("Result")

log = logs.get_logger(__name__)


def until_stored(database: Database, record: Callable[[Connection], Result]) -> Result:
    """Run a transaction until it is committed. For what became of a call: the call itself is never repeated for it.

    A worker that is killed meanwhile leaves the part ``calling``, which is an unknown outcome.
    """
    tries = 0
    while True:
        try:
            with database.write() as connection:
                return record(connection)
        except DatabaseAway as error:
            pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
            tries += 1
            log.warning("database_away", error=type(error).__name__, tries=tries, again_in=pause)
            time.sleep(pause)
