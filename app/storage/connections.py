"""Channel accounts on their way: connected here, not confirmed by HubSpot yet.

HubSpot makes an account after the browser has left our page, and tells its id later. Until then the account stands
among the others under an id of our own, and its HubSpot side is paused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select, update

from app.domain.account import RunState
from app.domain.person import Identifier
from app.storage import accounts as rows
from app.storage import lanes, removals
from app.storage.accounts import AccountRow, Side
from app.storage.clock import now
from app.storage.tables import accounts, portals, unopened
from app.storage.text import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

#: Begins the id of an account that HubSpot has not named yet. HubSpot's own are numbers.
_STAGED: Final = "staged:"
#: So many envelopes that wait for accounts of a channel are looked through, the newest first.
_MOST_WAITING: Final = 100

WAITS = "HubSpot has not confirmed this account yet: it does when the connection window has gone back to HubSpot."
REPLACED = "The connection was not finished, and the same account of the service was connected elsewhere."


@dataclass(frozen=True)
class NewConnection:
    """An account that is being connected; ``credentials`` sealed. ``hubspot_id``: see ``staged_id``.

    ``inbox_id``: empty where it is not known yet.
    """

    key: str
    connector: str
    portal_id: int
    channel_id: str
    hubspot_id: str
    name: str
    identifier: Identifier
    credentials: str
    inbox_id: str = ""


def staged_id(account_token: str) -> str:
    """Return the id of an account until HubSpot tells its own: the same for the same pop-up, and no secret."""
    return _STAGED + hashlib.sha256(account_token.encode()).hexdigest()[:32]


def is_staged(row: AccountRow) -> bool:
    """Tell whether HubSpot still has to confirm an account."""
    return row.hubspot_id.startswith(_STAGED) and row.state is not RunState.PURGED


def lock_portal(connection: Connection, portal_id: int) -> None:
    """Let one connection of a portal at a time go on."""
    connection.execute(select(portals.c.id).where(portals.c.id == portal_id).with_for_update(key_share=True))


def same(connection: Connection, connector: str, identifier: Identifier) -> list[AccountRow]:
    """Return the accounts that are the same at the service, without those that were removed."""
    return [row for row in _ever_same(connection, connector, identifier) if row.state is not RunState.PURGED]


def _ever_same(connection: Connection, connector: str, identifier: Identifier) -> list[AccountRow]:
    return [row for row in rows.every(connection) if (row.connector, row.identifier) == (connector, identifier)]


def earlier(connection: Connection, new: NewConnection) -> AccountRow | None:
    """Return the account of this channel whose threads a connection continues: one that lives, or the last removed."""
    here = (new.portal_id, new.channel_id)
    found = _ever_same(connection, new.connector, new.identifier)
    mine = [row for row in found if (row.portal_id, row.channel_id) == here]
    return max(mine, key=lambda row: (row.state is not RunState.PURGED, row.id), default=None)


def moved(connection: Connection, portal_id: int, channel_id: str, identifier: Identifier | None) -> list[AccountRow]:
    """Return the accounts that HubSpot may have made anew under an id that is not known here.

    Where HubSpot tells no identifier, those are all that were removed there.
    """
    here = [row for row in rows.every(connection) if (row.portal_id, row.channel_id) == (portal_id, channel_id)]
    kept = [row for row in here if not row.is_wiped and not is_staged(row)]
    if identifier is None:
        return [row for row in kept if row.state is RunState.PURGED]
    return [row for row in kept if identifier.value in {row.identifier.value, row.identifier_at_hubspot.value}]


def staged(connection: Connection) -> list[AccountRow]:
    """Return the accounts that HubSpot has not confirmed."""
    return [row for row in rows.every(connection) if is_staged(row)]


def add(connection: Connection, new: NewConnection) -> AccountRow:
    """Store a new account. Until HubSpot has named it, its HubSpot side waits."""
    values = {**vars(new), "identifier": new.identifier.model_dump(mode="json"), "name": storable(new.name)}
    account_id = connection.execute(insert(accounts).values(created_at=now(), **values).returning(accounts.c.id))
    return _settled(connection, account_id.scalar_one())


def change(connection: Connection, account_id: int, new: NewConnection) -> AccountRow:
    """Let a connection that was begun before, or an account that was removed, go on with what was given now."""
    rows.change_credentials(connection, account_id, new.credentials)
    values = {"key": new.key, "name": storable(new.name), "inbox_id": new.inbox_id, "inbox_type": ""}
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(**values))
    removals.take_id(connection, account_id, new.hubspot_id)
    removals.revive(connection, account_id)
    return _settled(connection, account_id)


def adopt(
    connection: Connection, portal_id: int, channel_id: str, *, hubspot_id: str, identifier: Identifier | None
) -> AccountRow | None:
    """Give an account the id that HubSpot has made for it, and let it run. None: none waits for this one.

    Where HubSpot tells no identifier, only an account that waits alone is taken.
    """
    here = [row for row in staged(connection) if (row.portal_id, row.channel_id) == (portal_id, channel_id)]
    # By value alone: HubSpot may leave the type out.
    found = [row for row in here if identifier is None or row.identifier.value == identifier.value]
    if len(found) != 1:
        return None
    return name(connection, found[0].id, hubspot_id)


def name(connection: Connection, account_id: int, hubspot_id: str) -> AccountRow:
    """Give an account HubSpot's id and let its HubSpot side run."""
    removals.take_id(connection, account_id, hubspot_id)
    return _settled(connection, account_id)


def drop(connection: Connection, account_id: int) -> None:
    """Give up a connection that was never finished; it counts as removed."""
    removals.remove(connection, account_id, hint=REPLACED)


def waiting(connection: Connection, portal_id: int, channel_id: str) -> Sequence[int]:
    """Return the envelopes that wait for an account of this channel that is not known here, oldest first."""
    query = (
        select(unopened.c.envelope_id)
        .where(unopened.c.waits_for.startswith(f"{portal_id}/{channel_id}/", autoescape=True))
        .distinct()
        .order_by(unopened.c.envelope_id.desc())
        .limit(_MOST_WAITING)
    )
    return sorted(connection.execute(query).scalars())


def _settled(connection: Connection, account_id: int) -> AccountRow:
    """Pause or resume the HubSpot side, by whether HubSpot has named the account."""
    row = _get(connection, account_id)
    if is_staged(row):
        rows.pause_side(connection, account_id, Side.HUBSPOT, hint=WAITS)
    elif rows.resume_side(connection, account_id, Side.HUBSPOT):
        lanes.wake_account(connection, account_id)
    return _get(connection, account_id)


def _get(connection: Connection, account_id: int) -> AccountRow:
    row = rows.get(connection, account_id)
    assert row is not None  # noqa: S101 - accounts are never deleted
    return row
