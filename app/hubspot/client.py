"""HubSpot's API, as far as the relay calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.errors import HubSpotUnavailable, Unauthorized
from app.http import Http, Response
from app.hubspot import oauth
from app.hubspot.addresses import addresses, join
from app.hubspot.answers import Channel, Rate
from app.hubspot.calls import pages, parse, parse_each, repeatable
from app.hubspot.outcomes import raise_for, read_error
from app.hubspot.portal import UNAUTHENTICATED, PortalClient, TokenSource
from app.settings import Settings

__all__ = ["HubSpot", "PortalClient", "Rate", "TokenSource"]


class HubSpot:
    """HubSpot for one app. Has no state of its own: one instance serves every portal and thread of a process."""

    def __init__(self, settings: Settings, http: Http) -> None:
        """Keep what every call needs."""
        self._settings = settings
        self._http = http
        self._addresses = addresses(settings)

    def refresh(self, refresh_token: str) -> oauth.Tokens:
        """Ask for a new access token; see ``oauth.refresh`` for the errors."""
        return oauth.refresh(self._settings, self._http, refresh_token)

    def portal(self, portal_id: int, token: TokenSource, on_rate: Callable[[Rate], None] | None = None) -> PortalClient:
        """Return the client of one portal. ``on_rate`` hears what each answer's headers say about the rate limit."""
        return PortalClient(self._settings, self._http, portal_id, token=token, on_rate=on_rate)

    def channels(self) -> list[Channel]:
        """List the app's channels.

        Raises:
            Unauthorized: code ``developer_key``: the developer API key or the app id is refused.
            RelayError: see ``outcomes``.
        """
        return parse_each(Channel, pages(self._read, self._addresses.channels, {}))

    def channel(self, channel_id: str) -> Channel:
        """Return one channel of the app.

        Raises:
            RelayError: as ``channels``; code ``channel_unknown`` when the app has no such channel.
        """
        return parse(Channel, self._read(join(self._addresses.channels, channel_id), {}))

    def _read(self, url: str, params: Mapping[str, str]) -> Response:
        """Read with the developer key, which stands in the query and never beside a token."""
        key = {
            "hapikey": self._settings.hubspot_developer_api_key.get_secret_value(),
            "appId": self._settings.hubspot_app_id,
        }
        response = repeatable(
            lambda: self._http.request("GET", url, params={**params, **key}, unavailable=HubSpotUnavailable)
        )
        if response.status == UNAUTHENTICATED:
            raise Unauthorized(
                "HubSpot refuses RELAY_HUBSPOT_DEVELOPER_API_KEY or RELAY_HUBSPOT_APP_ID: the key stands in the "
                "developer account under Development > Keys, and is not a private app's token.",
                scope="portal",
                code="developer_key",
                detail=read_error(response).detail,
            )
        raise_for(response)
        return response
