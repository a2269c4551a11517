"""What HubSpot is told and asked while somebody waits at the connect window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app import logs
from app.domain.person import Identifier
from app.errors import ConfigurationError, RelayError
from app.hubspot.answers import ChannelAccount
from app.hubspot.outcomes import Gone
from app.hubspot.popup import Popup
from app.hubspot.portal import PortalClient, Taken
from app.limiter import Horizon
from app.relay import pace, tokens
from app.relay.not_connected import NotConnected, Problem, hubspot_problem
from app.relay.services import Services

#: A slot in the portal's budget has to be there within this time (seconds).
_PATIENCE: Final = 3.0

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Staged:
    """What HubSpot made of the pop-up's data: the account's id where it is known, and whether the window goes on."""

    hubspot_id: str
    back: bool


def check_channel(services: Services, popup: Popup) -> None:
    """Ask HubSpot whether the portal's token is good for the channel.

    Raises:
        NotConnected: it is not, or HubSpot cannot be asked.
    """
    await_slot(services, popup.portal_id)
    try:
        tokens.client(services, popup.portal_id).accounts(popup.channel_id)
    except (RelayError, ConfigurationError) as error:
        raise hubspot_problem(error) from error


def stage(services: Services, popup: Popup, name: str, identifier: Identifier) -> Staged:
    """Tell HubSpot what the account is; where it has the account already, take that one over."""
    client = tokens.client(services, popup.portal_id)
    await_slot(services, popup.portal_id)
    try:
        told = client.stage(popup.channel_id, popup.account_token, name=name, identifier=identifier)
        return Staged(told or _find_quietly(client, popup, identifier), back=True)
    except (Gone, Taken) as refusal:
        there = _find_quietly(client, popup, identifier)
        if there:
            return Staged(there, back=False)
        problem = Problem.CONNECTED_HERE if isinstance(refusal, Taken) else Problem.WINDOW_EXPIRED
        raise NotConnected(problem, refusal.hint, name=name) from refusal
    except (RelayError, ConfigurationError) as error:
        raise hubspot_problem(error) from error


def _find_quietly(client: PortalClient, popup: Popup, identifier: Identifier) -> str:
    """Look for the account at HubSpot; where that fails, HubSpot's event will tell."""
    try:
        return find(client, popup.channel_id, identifier)
    except RelayError as error:
        log.info("account_not_looked_up", portal=popup.portal_id, code=error.reason)
        return ""


def find(client: PortalClient, channel_id: str, identifier: Identifier) -> str:
    """Return the id of HubSpot's account with this identifier, an empty text where there is none."""
    found = find_account(client, channel_id, identifier)
    return found.id if found is not None else ""


def find_account(client: PortalClient, channel_id: str, identifier: Identifier) -> ChannelAccount | None:
    """Return HubSpot's account with this identifier."""
    found = client.accounts(channel_id, identifier)
    return next((one for one in found if one.identifier == identifier and not one.archived), None)


def is_gone(client: PortalClient, channel_id: str, account_id: str) -> bool:
    """Tell whether HubSpot has removed an account."""
    try:
        return client.account(channel_id, account_id).archived
    except Gone:
        return True


def await_slot(services: Services, portal_id: int) -> None:
    """Wait for a place in the portal's budget. Whoever opens our page must not take it from messages.

    Raises:
        NotConnected: there is none for the moment.
    """
    if not pace.wait_for_portal(services, portal_id, horizon=Horizon.RECONCILE, patience=_PATIENCE):
        raise NotConnected(Problem.HUBSPOT_AWAY, "The portal's calls are used up for the moment.")
