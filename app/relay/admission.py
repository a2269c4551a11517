"""Whether an account may be added here: its portal is known, HubSpot has it, and the same one is not here already."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.person import Identifier
from app.errors import ConfigurationError
from app.hubspot.answers import ChannelAccount
from app.hubspot.outcomes import Gone
from app.relay import staging, tokens
from app.relay.services import Services
from app.storage import accounts, connections, portals
from app.storage.accounts import AccountRow
from app.storage.database import Connection


@dataclass(frozen=True)
class Place:
    """HubSpot's ids of an account that shall be added."""

    portal_id: int
    channel_id: str
    hubspot_id: str


def check_free(connection: Connection, place: Place) -> None:
    """Check that the portal is known and that HubSpot's account is not connected here.

    Raises:
        ConfigurationError: it is not so.
    """
    if portals.get(connection, place.portal_id) is None:
        raise ConfigurationError(
            f"Portal {place.portal_id} is not known here: `relay portals add {place.portal_id}` adds it first."
        )
    taken = accounts.by_hubspot(connection, place.portal_id, place.channel_id, place.hubspot_id)
    if taken is not None and not taken.is_wiped:
        raise ConfigurationError(
            f"HubSpot's account {place.hubspot_id} is account {taken.id} here already: "
            f"`relay accounts change {taken.id}` gives it new credentials."
        )


def look_up(services: Services, place: Place) -> ChannelAccount:
    """Return HubSpot's account.

    Raises:
        ConfigurationError: there is none, or it was removed.
        RelayError: HubSpot does not know the channel or refuses the portal's token, or could not be asked.
    """
    try:
        found = tokens.client(services, place.portal_id).account(place.channel_id, place.hubspot_id)
    except Gone:
        found = None
    if found is None or found.archived:
        raise ConfigurationError(
            f"HubSpot has no account {place.hubspot_id} of channel {place.channel_id} in portal {place.portal_id}: "
            "look at the ids. An account is made in HubSpot's inbox settings, where the channel is connected."
        )
    return found


def check_twins(services: Services, place: Place, connector: str, identifier: Identifier, *, ask: bool) -> None:
    """Check that the same account of the service is not connected already, here or in another portal.

    One that HubSpot has removed without our knowing is none; it is asked for that only with ``ask``.

    Raises:
        ConfigurationError: it is.
        RelayError: HubSpot could not be asked.
    """
    with services.database.read() as connection:
        found = [row for row in connections.same(connection, connector, identifier) if not connections.is_staged(row)]
    for row in found:
        if not (ask and _is_former(services, row, place)):
            where = "here" if row.portal_id == place.portal_id else f"in portal {row.portal_id}"
            raise ConfigurationError(
                f"This account of the service is account {row.id} {where} already, and can be connected once: "
                f"`relay accounts change {row.id}` gives it new credentials, `relay accounts remove {row.id}` ends it."
            )


def _is_former(services: Services, row: AccountRow, place: Place) -> bool:
    if (row.portal_id, row.channel_id) != (place.portal_id, place.channel_id):
        return False
    return staging.is_gone(tokens.client(services, row.portal_id), row.channel_id, row.hubspot_id)
