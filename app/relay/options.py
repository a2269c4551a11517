"""What an account relays beside messages, as an operator switches it."""

from __future__ import annotations

from collections.abc import Mapping

from app import logs
from app.relay.accounts import known
from app.relay.services import Services
from app.storage import accounts

log = logs.get_logger(__name__)


def switch(services: Services, account_id: int, changes: Mapping[str, bool]) -> None:
    """Switch options of an account on or off, from the next event on.

    Raises:
        ConfigurationError: there is no such account.
    """
    with services.database.write() as connection:
        known(connection, account_id)
        accounts.set_options(connection, account_id, changes)
    log.info("options_changed", account=account_id, **changes)
