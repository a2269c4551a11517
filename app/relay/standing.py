"""How a channel account stands at HubSpot, and what follows here: it runs, waits, is removed, or has moved.

HubSpot's account events name no flags, so HubSpot is asked. A move to another inbox or to the help desk comes as an
update, or as a removal and a new account in either order: the account here then takes the new id and goes on.
"""

from __future__ import annotations

from app import logs
from app.domain.account import RunState
from app.hubspot.answers import ChannelAccount
from app.hubspot.wire import AccountEvent, AccountEventKind
from app.storage import accounts, breakers, connections, lanes, removals
from app.storage.accounts import AccountRow, Side
from app.storage.breakers import Key, Scope
from app.storage.database import Connection

INACTIVE = (
    "The account is switched off in HubSpot's inbox settings: an administrator has to switch it on there, because no "
    "API can. Accounts were seen to be switched off from the start."
)
UNAUTHORIZED = (
    "HubSpot holds this account for not authorised: `relay accounts resume` authorises it again, or connect it again "
    "in HubSpot's inbox settings."
)
PURGED = "The account was removed in HubSpot. Its history is kept; connect it anew to go on."

log = logs.get_logger(__name__)


def adopt(connection: Connection, event: AccountEvent) -> AccountRow | None:
    """Return the account that was connected in the pop-up and that HubSpot names now, None where none waits for it."""
    if event.kind is AccountEventKind.PURGED:
        return None
    return connections.adopt(
        connection, event.portal_id, event.channel_id, hubspot_id=event.account_id, identifier=event.identifier
    )


def candidates(connection: Connection, event: AccountEvent) -> list[AccountRow]:
    """Return the accounts that an event may tell to be connected anew under an unknown id; HubSpot is asked later."""
    if event.kind is AccountEventKind.PURGED:
        return []
    return connections.moved(connection, event.portal_id, event.channel_id, event.identifier)


def take_over(connection: Connection, account: AccountRow, found: ChannelAccount | None) -> None:
    """Let the account run as HubSpot says it stands. None: it is gone there."""
    if found is None or found.archived:
        purge(connection, account)
        return
    if found.inbox_id and found.inbox_id != account.inbox_id:
        accounts.place(connection, account.id, inbox_id=found.inbox_id)
    if found.identifier is not None:
        accounts.identify_at_hubspot(connection, account, found.identifier)
    accounts.rename(connection, account.id, found.name or account.name)
    hint = _trouble(account, found)
    if hint:
        # No probe: HubSpot itself says how it stands, and tells when that changes.
        breakers.drop(connection, Key(Scope.HUBSPOT, account.id))
        accounts.pause_side(connection, account.id, Side.HUBSPOT, hint=hint)
    elif accounts.resume_side(connection, account.id, Side.HUBSPOT):
        lanes.wake_account(connection, account.id)


def _trouble(account: AccountRow, found: ChannelAccount) -> str:
    """Return what stops the HubSpot side, empty where nothing does.

    What we said ourselves, because the service refuses the credentials, is none: its side is paused for that, and
    agents are told what became of their messages.
    """
    if not found.active:
        return INACTIVE
    return UNAUTHORIZED if not found.authorized and account.authorized else ""


def purge(connection: Connection, account: AccountRow) -> None:
    """Stop the account; what it has queued waits a while for it to come back under another id."""
    if removals.remove(connection, account.id, hint=PURGED):
        log.warning("account_purged", account=account.id, hint=PURGED)


def move(connection: Connection, account: AccountRow, found: ChannelAccount) -> None:
    """Give the account the id under which HubSpot has it now: in another inbox, or connected anew."""
    removals.take_id(connection, account.id, found.id)
    came_back = removals.revive(connection, account.id)
    now = accounts.get(connection, account.id)
    assert now is not None  # noqa: S101 - accounts are never deleted
    log.info("account_moved", account=account.id, inbox=found.inbox_id, removed_before=came_back)
    take_over(connection, now, found)


def may_have_moved(account: AccountRow) -> bool:
    """Tell whether HubSpot is worth asking for the account under another id."""
    return connections.is_staged(account) or (account.state is RunState.PURGED and not account.is_wiped)
