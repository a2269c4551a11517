"""Whether HubSpot holds an account for authorised: not while the service refuses its credentials.

Told once each way, by the account's control lane. Compared every few seconds with how the service side stands, so that
it makes no difference what paused or resumed it: a refusal, a probe, an operator, a new connection.
"""

from __future__ import annotations

from typing import Final

from app import logs
from app.domain.account import RunState
from app.relay.deposit import store_account_word
from app.relay.services import Services
from app.storage import accounts, connections, lanes
from app.storage.accounts import AccountRow
from app.storage.database import Connection

#: The word of ours in a control lane; the account says what HubSpot shall hold.
AUTHORISE: Final = "authorise"

log = logs.get_logger(__name__)


def compare(services: Services) -> int:
    """Put a word into the control lane of every account that HubSpot holds for another than it is. Returns how many."""
    with services.database.read() as connection:
        differing = [row.id for row in accounts.every(connection) if _differs(row)]
    for account_id in differing:
        with services.database.write() as connection:
            ring = _correct(connection, account_id)
        for lane_id in ring:
            services.doorbell.ring(lane_id)
    return len(differing)


def say_again(connection: Connection, row: AccountRow) -> list[int]:
    """Tell HubSpot once more how it is, because somebody says that it is mended. Returns lanes to ring."""
    if row.state is RunState.PURGED or connections.is_staged(row):
        return []
    return store_account_word(connection, row, AUTHORISE, revision=str(round(lanes.clock(connection) * 1000)))


def _differs(row: AccountRow) -> bool:
    stands = row.state is not RunState.PURGED and not connections.is_staged(row)
    return stands and row.authorized != _takes(row)


def _takes(row: AccountRow) -> bool:
    return row.service_state is RunState.RUNNING


def _correct(connection: Connection, account_id: int) -> list[int]:
    row = accounts.get(connection, account_id)
    if row is None or not _differs(row) or not accounts.set_authorized(connection, account_id, _takes(row)):
        return []  # another scheduler was faster
    log.info("account_authority_changed", account=account_id, authorized=_takes(row))
    return say_again(connection, row)
