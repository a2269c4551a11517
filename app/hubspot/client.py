"""HubSpot's API, as far as the relay calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.errors import HubSpotUnavailable, Rejected, Unauthorized
from app.http import Http, Response
from app.hubspot import oauth
from app.hubspot.addresses import addresses, join
from app.hubspot.answers import Channel, Rate
from app.hubspot.calls import pages, parse, parse_each, repeatable
from app.hubspot.outcomes import INVALID, raise_for, read_error
from app.hubspot.portal import UNAUTHENTICATED, PortalClient, TokenSource
from app.settings import Settings

__all__ = ["HubSpot", "PortalClient", "Rate", "TokenSource"]

_KEY: Final = (
    "HubSpot refuses RELAY_HUBSPOT_DEVELOPER_API_KEY or RELAY_HUBSPOT_APP_ID: the key stands in the developer account "
    "under Development > Keys, and is not a private app's token."
)
_OR_BODY: Final = (
    "HubSpot was also seen to say so of a body that it could not read: if `relay channel show` works, the key is right."
)


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

    def authorise_url(self, state: str) -> str:
        """Return the address where an administrator lets the app into a portal."""
        return oauth.authorise_url(self._settings, state)

    def exchange(self, code: str) -> oauth.Tokens:
        """Turn the code of an installation into tokens; see ``oauth.exchange`` for the errors."""
        return oauth.exchange(self._settings, self._http, code)

    def describe(self, access_token: str) -> oauth.Installation:
        """Ask where a token works; see ``oauth.describe`` for the errors."""
        return oauth.describe(self._settings, self._http, access_token)

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

    def register_channel(self, body: Mapping[str, Any]) -> Channel:
        """Register a channel. Not to be repeated: a second call makes a second channel.

        Raises:
            OutcomeUnknown: no answer came; the channel may be there.
            Rejected: code ``channel_refused``: HubSpot does not take it as it is.
            RelayError: as ``channels``.
        """
        return parse(Channel, self._call("POST", self._addresses.channels, body=body))

    def update_channel(self, channel_id: str, body: Mapping[str, Any]) -> None:
        """Change a channel's fields.

        Raises:
            Rejected: code ``channel_refused``: HubSpot does not take it as it is.
            RelayError: as ``channel``.
        """
        url = join(self._addresses.channels, channel_id)
        repeatable(lambda: self._call("PATCH", url, body=body))

    def _read(self, url: str, params: Mapping[str, str]) -> Response:
        return repeatable(lambda: self._call("GET", url, params=params))

    def _call(
        self, method: str, url: str, *, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Response:
        """Call with the developer key, which stands in the query and never beside a token."""
        key = {
            "hapikey": self._settings.hubspot_developer_api_key.get_secret_value(),
            "appId": self._settings.hubspot_app_id,
        }
        asked = {**(params or {}), **key}
        response = self._http.request(method, url, params=asked, json=body, unavailable=HubSpotUnavailable)
        if response.status == UNAUTHENTICATED:
            raise Unauthorized(
                _KEY if body is None else f"{_KEY} {_OR_BODY}",
                scope="portal",
                code="developer_key",
                detail=read_error(response).detail,
            )
        if body is not None and response.status in INVALID:
            detail = read_error(response).detail
            raise Rejected("HubSpot does not take the channel as it is.", code="channel_refused", detail=detail)
        raise_for(response)
        return response
