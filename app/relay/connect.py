"""Connecting an account in HubSpot's pop-up: test, stage at HubSpot, store, tell the service, name.

HubSpot makes the account when the browser is back there, and names it by CHANNEL_ACCOUNT_CREATED. The order of the
steps lets a repetition heal whatever broke off: HubSpot takes the same pop-up's data again, or says that it has the
account, which is then looked up; our row is found again by who the account is at its service.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from typing_extensions import override

from app import logs
from app.connectors import registry
from app.connectors.base import Connector, Profile, RegistersWebhook, TestsCredentials
from app.domain.account import Account, Credentials, RunState
from app.domain.person import Identifier
from app.errors import ConfigurationError, RelayError
from app.http import Http, Response
from app.hubspot.popup import Popup
from app.relay import accept, accounts, authority, staging, tokens
from app.relay.credentials import read_credentials
from app.relay.deposit import store_account_word
from app.relay.not_connected import NotConnected, Problem, hubspot_problem, service_problem
from app.relay.services import Services, seal_credentials, secret_values
from app.settings import Settings
from app.storage import accounts as rows
from app.storage import connections, lanes, portals
from app.storage.accounts import AccountRow
from app.storage.connections import NewConnection

#: Without a setting these are not offered: they lead to nobody.
_EXAMPLES: Final = frozenset({"loopback"})

#: The word of ours in a control lane that asks HubSpot how an account stands.
LOOK: Final = "look"

#: So often the address is registered when the same form comes several times at once.
_MOST_TRIES: Final = 3

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Draft:
    """What somebody entered, before it is tested. ``key`` becomes the end of the account's webhook address."""

    connector: str
    name: str
    credentials: Mapping[str, str] = field(repr=False)
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


@dataclass(frozen=True)
class Connected:
    """The account is stored here. ``back``: the browser has to go back to HubSpot, which finishes the connection.

    Otherwise HubSpot had the account already, and nothing is left to do.
    """

    account_id: int
    back: bool


def served(settings: Settings) -> list[Connector]:
    """Return the connectors that the channel serves."""
    names = settings.channel_connectors or [one for one in registry.names() if one not in _EXAMPLES]
    return [registry.get(name) for name in names]


def check(services: Services, popup: Popup) -> None:
    """Check that the app is installed in the portal and that the channel is one of ours.

    Raises:
        NotConnected: see there.
    """
    _check_portal(services, popup)
    with services.database.read() as connection:
        known = any(_is_in_channel(row, popup) for row in rows.every(connection))
    if known:
        return
    staging.check_channel(services, popup)


def registration(services: Services, popup: Popup, draft: Draft) -> str | None:
    """Return the file that the service's administrator installs before the account works; None: it needs none."""
    credentials = _opened(draft)
    account = _account(services, popup, draft, credentials)
    return accounts.registration_of(account, accounts.webhook_url(services, account))


def connect(services: Services, popup: Popup, draft: Draft) -> Connected:
    """Test the credentials, tell HubSpot, store the account and tell its service where to send. Safe to repeat.

    Raises:
        NotConnected: see there. Up to the answer of HubSpot nothing is stored; ``NOT_REGISTERED``: everything is, but
            the service does not know our address yet: repeat.
    """
    connector, credentials = registry.get(draft.connector), _opened(draft)
    _check_portal(services, popup)
    account = _account(services, popup, draft, credentials)
    profile = _ask(services, connector, account)
    _check_rivals(services, popup, draft, profile.identifier)
    name = draft.name or profile.name
    staged = staging.stage(services, popup, name, profile.identifier)
    row = _store(
        services,
        NewConnection(
            key=draft.key,
            connector=connector.name,
            portal_id=popup.portal_id,
            channel_id=popup.channel_id,
            hubspot_id=staged.hubspot_id or connections.staged_id(popup.account_token),
            name=name,
            identifier=profile.identifier,
            credentials=seal_credentials(services.vault, credentials),
            inbox_id=popup.inbox_id,
        ),
    )
    row = _look_again(services, row)
    log.info("account_connected", account=row.id, connector=row.connector, portal=row.portal_id)
    _register(services, row)
    return Connected(row.id, back=staged.back)


def confirm(services: Services) -> int:
    """Look for accounts that HubSpot has not confirmed, in case its event was lost. Returns how many there are.

    Their control lanes ask, each at most once a minute.
    """
    with services.database.read() as connection:
        waiting = [row for row in connections.staged(connection) if row.portal_state is RunState.RUNNING]
    for row in waiting:
        with services.database.write() as connection:
            minute = int(lanes.clock(connection) // 60)
            ring = store_account_word(connection, row, LOOK, revision=str(minute))
        for lane_id in ring:
            services.doorbell.ring(lane_id)
    return len(waiting)


def _check_portal(services: Services, popup: Popup) -> None:
    with services.database.read() as connection:
        portal = portals.get(connection, popup.portal_id)
    if portal is None:
        raise NotConnected(Problem.PORTAL_UNKNOWN)
    if portal.state is not RunState.RUNNING:
        raise NotConnected(Problem.PORTAL_PAUSED, portal.hint)


def _is_in_channel(row: AccountRow, popup: Popup) -> bool:
    return (row.portal_id, row.channel_id) == (popup.portal_id, popup.channel_id)


def _opened(draft: Draft) -> Credentials:
    credentials = read_credentials(registry.get(draft.connector), draft.credentials)
    logs.add_secrets(secret_values(credentials))
    return credentials


def _account(services: Services, popup: Popup, draft: Draft, credentials: Credentials) -> Account:
    """Return the account as it would be, for a test before it is stored."""
    return Account(
        id=0,
        key=draft.key,
        connector=draft.connector,
        portal_id=popup.portal_id,
        channel_id=popup.channel_id,
        hubspot_id="",
        name=draft.name,
        identifier=Identifier(value=f"{draft.connector}:{draft.name}"),
        credentials=credentials,
        credentials_version=1,
        api_url=services.settings.api_url(draft.connector, registry.get(draft.connector).api_url),
    )


class _Outward(Http):
    """Calls public addresses alone: strangers enter these, and must not reach this network's own servers by us."""

    @override
    def request(self, method: str, url: str, **call: Any) -> Response:
        return super().request(method, url, **{**call, "public_only": True})


def _ask(services: Services, connector: Connector, account: Account) -> Profile:
    """Ask the service who the account is; where it cannot be asked, the name that was given has to do."""
    if not isinstance(connector, TestsCredentials):
        return Profile(account.identifier, account.name or connector.title)
    try:
        if account.api_url:
            return connector.test(account, services.http)
        hosts, limit = services.settings.allowed_private_hosts, services.settings.call_timeout
        outward = _Outward(allowed_private_hosts=hosts, call_timeout=limit)
        try:
            return connector.test(account, outward)
        finally:
            outward.close()
    except RelayError as error:
        raise service_problem(error) from error


def _check_rivals(services: Services, popup: Popup, draft: Draft, identifier: Identifier) -> None:
    """Refuse an account that is connected already.

    One that HubSpot never confirmed is none, nor is this form's own; nor one of this channel that the new credentials
    mend, or that HubSpot has removed without our knowing.
    """
    with services.database.read() as connection:
        found = connections.same(connection, draft.connector, identifier)
    for row in found:
        if connections.is_staged(row) or row.key == draft.key:
            continue
        if _is_in_channel(row, popup) and (row.service_state is RunState.PAUSED or _is_gone(services, row)):
            continue
        here = row.portal_id == popup.portal_id
        raise NotConnected(Problem.CONNECTED_HERE if here else Problem.CONNECTED_ELSEWHERE, name=row.name)


def _is_gone(services: Services, row: AccountRow) -> bool:
    """Ask HubSpot whether it has removed an account: its event may come later than the new connection."""
    staging.await_slot(services, row.portal_id)
    try:
        return staging.is_gone(tokens.client(services, row.portal_id), row.channel_id, row.hubspot_id)
    except (RelayError, ConfigurationError) as error:
        raise hubspot_problem(error) from error


def _store(services: Services, new: NewConnection) -> AccountRow:
    """Store the account in place of connections of the same account that were begun and never finished.

    One that was connected here before goes on as what it was, with its threads.
    """
    with services.database.write() as connection:
        connections.lock_portal(connection, new.portal_id)
        row = rows.by_hubspot(connection, new.portal_id, new.channel_id, new.hubspot_id)
        row = row or connections.earlier(connection, new)
        for one in connections.same(connection, new.connector, new.identifier):
            if connections.is_staged(one) and (row is None or one.id != row.id):
                connections.drop(connection, one.id)
        if row is None:
            return connections.add(connection, new)
        refused = row.hubspot_state is RunState.PAUSED
        row = connections.change(connection, row.id, new)
        if refused:
            authority.say_again(connection, row)
        return row


def _look_again(services: Services, row: AccountRow) -> AccountRow:
    """Open what came from HubSpot before the account was stored: its event may have been faster than we."""
    if not connections.is_staged(row):
        accounts.open_waiting(services, row)
        return row
    with services.database.read() as connection:
        waiting = connections.waiting(connection, row.portal_id, row.channel_id)
    for envelope_id in waiting:
        accept.open_again(services, envelope_id)
    with services.database.read() as connection:
        return accounts.known(connection, row.id)


def _register(services: Services, row: AccountRow) -> None:
    if not isinstance(services.connector(row), RegistersWebhook):
        return
    for _ in range(_MOST_TRIES):
        try:
            accounts.register(services, row.id)
        except RelayError as error:
            log.warning("webhook_not_registered", account=row.id, code=error.reason, hint=error.hint)
            raise NotConnected(Problem.NOT_REGISTERED, error.hint) from error
        with services.database.read() as connection:
            now = accounts.known(connection, row.id)
        if (now.key, now.credentials_version) == (row.key, row.credentials_version):
            return
        row = now  # sent twice: whoever registers last has to register what is stored
