"""Channel accounts. Credentials are stored sealed; whoever has the vault opens them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, insert, select, update

from app.domain.account import ContactPolicy, DeadLetterPolicy, Options, RunState
from app.domain.person import Identifier
from app.storage import breakers
from app.storage.breakers import Key, Scope
from app.storage.clock import now
from app.storage.tables import accounts, former_accounts, portals
from app.storage.text import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Select


class Side(StrEnum):
    """Which of an account's two sides pauses."""

    SERVICE = "service"
    HUBSPOT = "hubspot"


@dataclass(frozen=True)
class AccountRow:
    """A channel account as it is stored, with its portal's state."""

    id: int
    key: str
    connector: str
    portal_id: int
    channel_id: str
    hubspot_id: str
    name: str
    identifier: Identifier
    credentials: str
    credentials_version: int
    dead_letters: DeadLetterPolicy
    state: RunState
    hint: str
    service_state: RunState
    service_hint: str
    hubspot_state: RunState
    hubspot_hint: str
    portal_state: RunState
    portal_full: bool
    #: There is a breaker of one of its sides or of its portal, open or counting.
    troubled: bool
    #: Absent in what an older release kept in a file.
    contacts: ContactPolicy = ContactPolicy.OFF
    #: Customers see the name of the agent who answers.
    agent_names: bool = False
    #: The inbox or help desk where the account is, and which of both; empty: HubSpot has not told yet.
    inbox_id: str = ""
    inbox_type: str = ""
    #: What HubSpot was last asked to hold of the service's credentials.
    authorized: bool = True
    #: HubSpot's word for the account, where it is another than ``identifier``.
    hubspot_identifier: Identifier | None = None
    #: What is relayed beside messages.
    options: Options = Options()  # noqa: RUF009 - frozen

    @property
    def identifier_at_hubspot(self) -> Identifier:
        """By which HubSpot's account is found again, whatever its id."""
        return self.hubspot_identifier or self.identifier

    @property
    def is_wiped(self) -> bool:
        """Its credentials are gone: an operator removed it here, and only a new connection brings it back."""
        return not self.credentials


@dataclass(frozen=True)
class NewAccount:
    """What is needed to add an account; credentials sealed."""

    connector: str
    portal_id: int
    channel_id: str
    hubspot_id: str
    name: str
    identifier: Identifier
    credentials: str


_HIDDEN = {"created_at", "removed_at", "state_before"}
_QUERY = select(
    *(column for column in accounts.c if column.name not in _HIDDEN),
    portals.c.state.label("portal_state"),
    portals.c.full.label("portal_full"),
    breakers.concerns_account().label("troubled"),
).join(portals, portals.c.id == accounts.c.portal_id)


def _row(row: Any) -> AccountRow:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    states = {name: RunState(values[name]) for name in ("state", "service_state", "hubspot_state", "portal_state")}
    values |= states
    values["identifier"] = Identifier.model_validate(values["identifier"])
    told = values["hubspot_identifier"]
    values["hubspot_identifier"] = Identifier.model_validate(told) if told else None
    values["dead_letters"] = DeadLetterPolicy(values["dead_letters"])
    values["contacts"] = ContactPolicy(values["contacts"])
    values["options"] = Options.model_validate(values["options"] or {})
    return AccountRow(**values)


_BY_ID = _QUERY.where(accounts.c.id == bindparam("account"))
_BY_KEY = _QUERY.where(accounts.c.connector == bindparam("connector"), accounts.c.key == bindparam("key"))
_BY_HUBSPOT = _QUERY.where(
    accounts.c.portal_id == bindparam("portal"),
    accounts.c.channel_id == bindparam("channel"),
    accounts.c.hubspot_id == bindparam("account"),
)

_BY_FORMER = _QUERY.where(
    accounts.c.id
    == select(former_accounts.c.account_id)
    .where(
        former_accounts.c.portal_id == bindparam("portal"),
        former_accounts.c.channel_id == bindparam("channel"),
        former_accounts.c.hubspot_id == bindparam("account"),
    )
    .scalar_subquery()
)


def _one(connection: Connection, query: Select[Any], **given: object) -> AccountRow | None:
    row = connection.execute(query, given).one_or_none()
    return _row(row) if row else None


def get(connection: Connection, account_id: int) -> AccountRow | None:
    """Return an account by our id."""
    return _one(connection, _BY_ID, account=account_id)


def by_key(connection: Connection, connector: str, key: str) -> AccountRow | None:
    """Return the account whose webhook address ends in this key."""
    return _one(connection, _BY_KEY, connector=connector, key=key)


def by_hubspot(connection: Connection, portal_id: int, channel_id: str, hubspot_id: str) -> AccountRow | None:
    """Return the account that HubSpot knows by these ids, or knew by them before it made the account anew."""
    given = {"portal": portal_id, "channel": channel_id, "account": hubspot_id}
    return _one(connection, _BY_HUBSPOT, **given) or _one(connection, _BY_FORMER, **given)


def every(connection: Connection) -> list[AccountRow]:
    """Return all accounts by id."""
    return [_row(row) for row in connection.execute(_QUERY.order_by(accounts.c.id))]


def add(connection: Connection, new: NewAccount) -> AccountRow:
    """Add an account and make its webhook key.

    Raises:
        sqlalchemy.exc.IntegrityError: HubSpot's ids are taken, or the portal is not there.
    """
    values = {
        "key": secrets.token_urlsafe(24),
        "connector": new.connector,
        "portal_id": new.portal_id,
        "channel_id": new.channel_id,
        "hubspot_id": new.hubspot_id,
        "name": new.name,
        "identifier": new.identifier.model_dump(mode="json"),
        "credentials": new.credentials,
    }
    statement = insert(accounts).values(created_at=now(), **values).returning(accounts.c.id)
    found = get(connection, connection.execute(statement).scalar_one())
    assert found is not None  # noqa: S101 - it was inserted in this transaction
    return found


def identify(connection: Connection, account_id: int, identifier: Identifier) -> None:
    """Store who the account is at its service, once that is known."""
    values = {"identifier": identifier.model_dump(mode="json")}
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


def rename(connection: Connection, account_id: int, name: str) -> None:
    """Store the name that HubSpot shows."""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(name=name))


def change_credentials(connection: Connection, account_id: int, credentials: str) -> None:
    """Store new sealed credentials and let the service's side run again."""
    connection.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(
            credentials=credentials,
            credentials_version=accounts.c.credentials_version + 1,
            service_state=RunState.RUNNING.value,
            service_hint="",
        )
    )
    breakers.drop(connection, Key(Scope.SERVICE, account_id))


def set_dead_letters(connection: Connection, account_id: int, policy: DeadLetterPolicy) -> None:
    """Store what lanes do behind a dead letter."""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(dead_letters=policy.value))


def set_contacts(connection: Connection, account_id: int, policy: ContactPolicy) -> None:
    """Store what is done with customers whose service vouches for an address."""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(contacts=policy.value))


def set_agent_names(connection: Connection, account_id: int, *, shown: bool) -> None:
    """Store whether customers see the names of agents."""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(agent_names=shown))


def set_options(connection: Connection, account_id: int, changes: Mapping[str, bool]) -> None:
    """Switch some of an account's options; the others stay as they are."""
    where = accounts.c.id == account_id
    stored = connection.execute(select(accounts.c.options).where(where).with_for_update()).scalar_one() or {}
    connection.execute(update(accounts).where(where).values(options={**stored, **changes}))


def pause_side(connection: Connection, account_id: int, side: Side, *, hint: str, version: int | None = None) -> bool:
    """Pause one side of an account. Returns True when it paused now.

    With ``version`` only while these are still its credentials: a late refusal of old ones must not stop new ones.
    """
    state = accounts.c[f"{side.value}_state"]
    where = and_(accounts.c.id == account_id, state == RunState.RUNNING.value)
    if version is not None:
        where = and_(where, accounts.c.credentials_version == version)
    values = {state.name: RunState.PAUSED.value, f"{side.value}_hint": storable(hint)}
    return connection.execute(update(accounts).where(where).values(**values)).rowcount == 1


def resume_side(connection: Connection, account_id: int, side: Side) -> bool:
    """Let one side of an account run again, whatever stopped it. Returns True when it was paused."""
    breakers.drop(connection, Key(Scope(side.value), account_id))
    state = accounts.c[f"{side.value}_state"]
    where = and_(accounts.c.id == account_id, state == RunState.PAUSED.value)
    values = {state.name: RunState.RUNNING.value, f"{side.value}_hint": ""}
    return connection.execute(update(accounts).where(where).values(**values)).rowcount == 1


def set_authorized(connection: Connection, account_id: int, authorized: bool) -> bool:  # noqa: FBT001 - its one value
    """Store what HubSpot shall hold of the service's credentials. Returns False when that was stored already."""
    where = and_(accounts.c.id == account_id, accounts.c.authorized != authorized)
    return connection.execute(update(accounts).where(where).values(authorized=authorized)).rowcount == 1


def identify_at_hubspot(connection: Connection, row: AccountRow, identifier: Identifier) -> None:
    """Store by which identifier HubSpot has an account."""
    if identifier != row.identifier_at_hubspot:
        values = {"hubspot_identifier": identifier.model_dump(mode="json")}
        connection.execute(update(accounts).where(accounts.c.id == row.id).values(**values))


def place(connection: Connection, account_id: int, *, inbox_id: str, inbox_type: str = "") -> None:
    """Store where HubSpot has an account; the type, where it is not known yet, is asked for later."""
    where = accounts.c.id == account_id
    connection.execute(update(accounts).where(where).values(inbox_id=inbox_id, inbox_type=inbox_type))


def set_state(connection: Connection, account_id: int, state: RunState, *, hint: str = "") -> bool:
    """Set the operator's own state of an account. A purged one keeps its. Returns False when nothing changed."""
    where = and_(accounts.c.id == account_id, accounts.c.state != RunState.PURGED.value)
    return connection.execute(update(accounts).where(where).values(state=state.value, hint=hint)).rowcount == 1


def paused_count(connection: Connection) -> int:
    """Count accounts that do not run on one side or the other."""
    return sum(
        RunState.PAUSED in {row.state, row.service_state, row.hubspot_state, row.portal_state}
        for row in every(connection)
    )
