"""Bytes that no service may fetch any more are deleted."""

from __future__ import annotations

from typing import Final

from app import logs
from app.relay.services import Services
from app.storage import stored_media

#: Files that are deleted at once.
_BATCH: Final = 100

log = logs.get_logger(__name__)


def sweep(services: Services) -> int:
    """Delete what is kept no longer. Returns how many files. Reads first, and writes only where there is something.

    Who dies in between leaves rows that nobody uses, and the next sweep finds them again.
    """
    with services.database.read() as connection:
        if not stored_media.is_any_over(connection):
            return 0
    with services.database.write() as connection:
        ids = stored_media.retire(connection, limit=_BATCH)
    for stored_id in ids:
        services.store.delete(stored_id)
    with services.database.write() as connection:
        stored_media.forget(connection, ids)
    log.info("media_swept", files=len(ids))
    return len(ids)
