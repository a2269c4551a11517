"""Many lanes at once: what comes in is kept back, and let go in one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import update

from app.relay import portals
from app.relay.services import Services
from app.storage.tables import lanes


@contextmanager
def held(services: Services, portal_id: int) -> Iterator[None]:
    """Pause a portal, and let it run again at the end of the block: all its lanes are due then, and none is rung.

    What came in meanwhile was rung for in vain, and would else be rung again only five seconds after that.
    """
    portals.pause(services, portal_id)
    yield
    with services.database.write() as connection:
        connection.execute(update(lanes).where(lanes.c.portal_id == portal_id).values(rung_until=None))
    portals.resume(services, portal_id)
