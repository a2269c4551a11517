"""Accounts that go away: what they still have queued is cancelled after a while, and agents are told.

The while is for moves: HubSpot removes an account and makes it anew in another inbox. History stays.
"""

from __future__ import annotations

from app import logs
from app.domain.account import RunState
from app.errors import ConfigurationError, RelayError
from app.relay import ending, tokens
from app.relay.accounts import known
from app.relay.services import Services
from app.storage import accounts, connections, messages, removals
from app.storage.accounts import AccountRow

REMOVED = "An operator removed this account. Its history is kept; connect it anew to go on."

#: Messages that are cancelled at one look.
_BATCH = 500

log = logs.get_logger(__name__)


def remove(services: Services, account_id: int) -> str:
    """Remove an account here: stop it, forget its credentials, cancel what it has queued, tell HubSpot.

    HubSpot's own account can only be removed there; it is marked as not authorised. Returns a warning where that did
    not work, else an empty text.

    Raises:
        ConfigurationError: there is no such account, or an operator removed it before.
    """
    with services.database.write() as connection:
        row = known(connection, account_id)
        if row.is_wiped:
            raise ConfigurationError(f"Account {account_id} is removed already.")
        removals.remove(connection, account_id, hint=REMOVED)
        removals.wipe(connection, account_id)
    log.info("account_removed", account=account_id)
    while cancel_queued(services):
        pass
    return "" if row.state is RunState.PURGED or connections.is_staged(row) else _disown(services, row)


def _disown(services: Services, row: AccountRow) -> str:
    try:
        tokens.client(services, row.portal_id).authorise(row.channel_id, row.hubspot_id, authorized=False)
    except (RelayError, ConfigurationError) as error:
        return f"HubSpot could not be told that the account is not authorised any more: {error}"
    return ""


def cancel_queued(services: Services) -> int:
    """Cancel what removed accounts have queued, once it has waited long enough. Returns how many messages."""
    grace = services.settings.removal_grace
    with services.database.read() as connection:
        waiting = removals.queued(connection, grace=grace, limit=_BATCH)
    return sum(_cancel(services, message_id, grace=grace) for message_id in waiting)


def _cancel(services: Services, message_id: int, *, grace: float) -> bool:
    with services.database.write() as connection:
        head = messages.get(connection, message_id)
        account = accounts.get(connection, head.account_id) if head is not None else None
        if head is None or account is None:
            return False
        ring = ending.cancel(connection, account, head, grace=grace)
    for lane_id in ring or ():
        services.doorbell.ring(lane_id)
    log.warning("message_cancelled", message=message_id, done=ring is not None, hint=account.hint)
    return ring is not None
