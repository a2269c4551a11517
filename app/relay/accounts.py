"""Channel accounts as an operator handles them: add one, test it, change its credentials, pause and resume it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module

from app import connectors, logs
from app.connectors import registry
from app.connectors.base import Connector, Profile, RegistersWebhook, TestsCredentials
from app.domain.account import Account, Credentials, DeadLetterPolicy, RunState
from app.domain.person import Identifier
from app.errors import ConfigurationError, RelayError
from app.hubspot.answers import ChannelAccount
from app.relay import accept, admission, authority, standing
from app.relay.admission import Place
from app.relay.credentials import plain, read_credentials
from app.relay.deposit import account_name
from app.relay.services import Services, seal_credentials, secret_values
from app.storage import accounts, connections, lanes
from app.storage.accounts import AccountRow, Side
from app.storage.connections import NewConnection
from app.storage.database import Connection

log = logs.get_logger(__name__)

PAUSED = "An operator paused this account; `relay accounts resume` lets it run again."


@dataclass(frozen=True)
class Wanted:
    """An account that shall be added. ``credentials`` are the connector's fields by name, as people write them."""

    connector: str
    portal_id: int
    channel_id: str
    hubspot_id: str
    name: str
    credentials: Mapping[str, str] = field(repr=False)

    @property
    def place(self) -> Place:
        """HubSpot's ids."""
        return Place(self.portal_id, self.channel_id, self.hubspot_id)


@dataclass(frozen=True)
class Added:
    """What has become of an account.

    ``url`` is its webhook address; ``profile`` what the service said about it, None: it was not asked; ``registered``
    whether the service knows the address; ``warning`` why not, where it should; ``registration`` the file that the
    service's administrator has to install (it holds secrets); ``messages`` how many had waited for the account.
    """

    id: int
    url: str
    profile: Profile | None
    registered: bool
    warning: str
    registration: str | None
    messages: int


def add(services: Services, wanted: Wanted, *, test: bool = True, register: bool = True) -> Added:
    """Test the credentials, store the account, tell the service where to send, and open what waited for the account.

    With ``test`` HubSpot is asked for the account, too. One that was removed before goes on with its threads.

    Raises:
        CredentialsIncomplete: see there.
        ConfigurationError: see ``admission``; also, the connector is not known, or no public address is set though the
            service has to be told one.
        RelayError: the service refuses the credentials, or somebody could not be asked; nothing was stored.
    """
    connector = registry.get(wanted.connector)
    credentials = read_credentials(connector, wanted.credentials)
    logs.add_secrets(secret_values(credentials))
    if register and not services.settings.public_url:
        raise ConfigurationError("RELAY_PUBLIC_URL is missing: the address under which services reach this relay.")
    with services.database.read() as connection:
        admission.check_free(connection, wanted.place)
    profile = _ask(services, connector, _draft(services, connector, wanted, credentials)) if test else None
    found = admission.look_up(services, wanted.place) if test else None
    identifier = profile.identifier if profile is not None else _own_identifier(wanted)
    admission.check_twins(services, wanted.place, connector.name, identifier, ask=test)
    sealed = seal_credentials(services.vault, credentials)
    row = _store(services, _new(wanted, identifier, sealed), found)
    log.info("account_added", account=row.id, connector=row.connector, portal=row.portal_id)
    registered, warning = _register(services, row) if register else (False, "")
    return Added(
        id=row.id,
        url=webhook_url(services, row),
        profile=profile,
        registered=registered,
        warning=" ".join(filter(None, (row.hubspot_hint, warning))),
        registration=registration(services, row),
        messages=open_waiting(services, row),
    )


def test(services: Services, account_id: int) -> Profile | None:
    """Ask the service whether the stored credentials work. None: it cannot be asked.

    Raises:
        ConfigurationError: there is no such account, or no key opens its credentials.
        RelayError: the service refuses them or could not be asked.
    """
    with services.database.read() as connection:
        row = _alive(known(connection, account_id))
    return _ask(services, services.connector(row), services.opened(row))


def change(services: Services, account_id: int, values: Mapping[str, str], *, ask: bool = True) -> None:
    """Change some of an account's credentials, test them first, and let the service's side run again.

    Raises:
        ConfigurationError, RelayError: as ``add``; nothing was changed.
    """
    with services.database.read() as connection:
        row = _alive(known(connection, account_id))
    connector, account = services.connector(row), services.opened(row)
    credentials = read_credentials(connector, {**plain(account.credentials), **values})
    logs.add_secrets(secret_values(credentials))
    if ask:
        _ask(services, connector, replace(account, credentials=credentials))
    with services.database.write() as connection:
        accounts.change_credentials(connection, account_id, seal_credentials(services.vault, credentials))
        lanes.wake_account(connection, account_id)
        if row.hubspot_state is RunState.PAUSED:
            authority.say_again(connection, row)
    log.info("credentials_changed", account=account_id)


def set_dead_letters(services: Services, account_id: int, policy: DeadLetterPolicy) -> None:
    """Choose what an account's lanes do behind a dead letter from now on; lanes that wait behind one go on waiting.

    Raises:
        ConfigurationError: there is no such account.
    """
    with services.database.write() as connection:
        known(connection, account_id)
        accounts.set_dead_letters(connection, account_id, policy)
    log.info("dead_letter_policy_changed", account=account_id, policy=policy.value)


def register(services: Services, account_id: int) -> str:
    """Tell the service again where to send its webhooks. Returns the address.

    Raises:
        ConfigurationError: there is no such account, or its service cannot be told.
        RelayError: the service refused or could not be asked.
    """
    with services.database.read() as connection:
        row = _alive(known(connection, account_id))
    if not services.settings.public_url:
        raise ConfigurationError("RELAY_PUBLIC_URL is missing: the address under which services reach this relay.")
    connector, url = services.connector(row), webhook_url(services, row)
    if not isinstance(connector, RegistersWebhook):
        raise ConfigurationError(f"{connector.title} cannot be told by the relay: enter {url} there.")
    connector.register_webhook(services.opened(row), url, services.http)
    log.info("webhook_registered", account=account_id)
    return url


def pause(services: Services, account_id: int) -> None:
    """Stop an account on both sides. What comes in is still stored and waits.

    Raises:
        ConfigurationError: there is no such account, or it was removed in HubSpot.
    """
    with services.database.write() as connection:
        _alive(known(connection, account_id))
        accounts.set_state(connection, account_id, RunState.PAUSED, hint=PAUSED)
    log.info("account_paused", account=account_id)


def resume(services: Services, account_id: int) -> None:
    """Let an account run again on both sides, whoever paused it; what waited is due now.

    Raises:
        ConfigurationError: there is no such account, or it was removed in HubSpot.
    """
    with services.database.write() as connection:
        row = _alive(known(connection, account_id))
        accounts.set_state(connection, account_id, RunState.RUNNING)
        for side in Side:
            accounts.resume_side(connection, account_id, side)
        lanes.wake_account(connection, account_id)
        if row.hubspot_state is RunState.PAUSED:
            authority.say_again(connection, row)
    log.info("account_resumed", account=account_id)


def webhook_url(services: Services, row: AccountRow | Account) -> str:
    """Return the address to which the account's service sends; only its path while no public address is set."""
    return f"{services.settings.public_url}/webhooks/{row.connector}/{row.key}"


def registration(services: Services, row: AccountRow) -> str | None:
    """Return the file that the service's administrator has to install, None where the service needs none."""
    return registration_of(services.opened(row), webhook_url(services, row))


def registration_of(account: Account, url: str) -> str | None:
    """Return the same for an account that need not be stored yet; ``url`` is its webhook address."""
    write = getattr(import_module(f"{connectors.__name__}.{account.connector}"), "registration", None)
    return str(write(account, url)) if write is not None else None


def open_waiting(services: Services, row: AccountRow) -> int:
    """Open the envelopes that came before their account. Returns how many messages were in them."""
    opened = accept.open_waiting(services, account_name(row.portal_id, row.channel_id, row.hubspot_id))
    return sum(len(one.messages) for one in opened)


def known(connection: Connection, account_id: int) -> AccountRow:
    """Return an account.

    Raises:
        ConfigurationError: there is none of this id.
    """
    row = accounts.get(connection, account_id)
    if row is None:
        raise ConfigurationError(f"There is no account {account_id}: `relay accounts list` shows those there are.")
    return row


def _alive(row: AccountRow) -> AccountRow:
    if row.state is RunState.PURGED:
        hint = "connect it anew there, or with `relay accounts add` under its new id."
        raise ConfigurationError(f"Account {row.id} was removed in HubSpot and stays so: {hint}")
    return row


def _draft(services: Services, connector: Connector, wanted: Wanted, credentials: Credentials) -> Account:
    """Return the account as it would be, for a test before it is stored."""
    return Account(
        id=0,
        key="",
        connector=wanted.connector,
        portal_id=wanted.portal_id,
        channel_id=wanted.channel_id,
        hubspot_id=wanted.hubspot_id,
        name=wanted.name,
        identifier=_own_identifier(wanted),
        credentials=credentials,
        credentials_version=1,
        api_url=services.settings.api_url(wanted.connector, connector.api_url),
    )


def _own_identifier(wanted: Wanted) -> Identifier:
    """Name the account where its service does not."""
    return Identifier(value=f"{wanted.connector}:{wanted.name}")


def _ask(services: Services, connector: Connector, account: Account) -> Profile | None:
    return connector.test(account, services.http) if isinstance(connector, TestsCredentials) else None


def _new(wanted: Wanted, identifier: Identifier, sealed: str) -> NewConnection:
    return NewConnection(
        key=secrets.token_urlsafe(24),
        connector=wanted.connector,
        portal_id=wanted.portal_id,
        channel_id=wanted.channel_id,
        hubspot_id=wanted.hubspot_id,
        name=wanted.name,
        identifier=identifier,
        credentials=sealed,
    )


def _store(services: Services, new: NewConnection, found: ChannelAccount | None) -> AccountRow:
    with services.database.write() as connection:
        connections.lock_portal(connection, new.portal_id)
        admission.check_free(connection, Place(new.portal_id, new.channel_id, new.hubspot_id))
        there = connections.earlier(connection, new)
        row = connections.change(connection, there.id, new) if there else connections.add(connection, new)
        if found is not None:
            standing.take_over(connection, row, found.model_copy(update={"name": new.name}))
        return known(connection, row.id)


def _register(services: Services, row: AccountRow) -> tuple[bool, str]:
    """Tell the service the address; a refusal leaves the account stored. Returns whether it is told, and a warning."""
    if not isinstance(services.connector(row), RegistersWebhook):
        return False, ""
    try:
        register(services, row.id)
    except RelayError as error:
        log.warning("webhook_not_registered", account=row.id, code=error.reason, hint=error.hint)
        return False, f"{error.hint} The account is stored; `relay accounts register {row.id}` tries again."
    return True, ""
