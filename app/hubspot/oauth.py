"""HubSpot's OAuth: access tokens live half an hour, refresh tokens until the app is removed from the portal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pydantic import Field, ValidationError

from app.errors import HubSpotUnavailable, OutcomeUnknown, RelayError, Transient, Unauthorized
from app.http import Http, Response
from app.hubspot.addresses import addresses
from app.hubspot.outcomes import ErrorBody, error_for, is_success, read_error, read_json
from app.hubspot.payloads import Payload, Text
from app.settings import Settings

#: Seconds that an access token lives where the answer does not say.
LIFETIME: Final = 1_800

#: Refusals that only a new installation of the app cures: the body's ``status``, or ``error`` where that is missing.
REINSTALL: Final = frozenset({"BAD_REFRESH_TOKEN", "BAD_HUB", "invalid_grant", "access_denied"})

#: Refusals that are about our own settings; no portal is to blame.
SETTINGS: Final = {
    "BAD_CLIENT_ID": "RELAY_HUBSPOT_CLIENT_ID is not the id of a HubSpot app.",
    "BAD_CLIENT_SECRET": "RELAY_HUBSPOT_CLIENT_SECRET does not belong to RELAY_HUBSPOT_CLIENT_ID.",
    "invalid_client": "RELAY_HUBSPOT_CLIENT_ID and RELAY_HUBSPOT_CLIENT_SECRET do not belong together.",
    "BAD_REDIRECT_URI": "The redirect address is not one of the app's.",
    "BAD_SCOPES": "The app does not offer these scopes.",
    "BAD_GRANT_TYPE": "HubSpot's token endpoint of this version does not know this request.",
}


@dataclass(frozen=True)
class Tokens:
    """A portal's tokens. ``refresh_token`` may be a new one and replaces the old; ``expires_in`` is in seconds.

    ``hub_id`` is the portal, None where the version's answer does not tell.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    hub_id: int | None


class _TokenAnswer(Payload):
    access_token: str = Field(min_length=1, alias="access_token")
    refresh_token: Text = Field(default="", alias="refresh_token")
    expires_in: int = Field(default=LIFETIME, alias="expires_in")
    hub_id: int | None = Field(default=None, alias="hub_id")


def refresh(settings: Settings, http: Http, refresh_token: str) -> Tokens:
    """Ask for a new access token. May be repeated: the old refresh token stays good.

    Raises:
        Unauthorized: code ``reinstall``: HubSpot does not know the refresh token or the portal any more; code
            ``app_settings``: our client id or secret is refused, which says nothing about the portal.
        RateLimited, HubSpotUnavailable: later.
    """
    form = {
        "grant_type": "refresh_token",
        "client_id": settings.hubspot_client_id,
        "client_secret": settings.hubspot_client_secret.get_secret_value(),
        "refresh_token": refresh_token,
    }
    try:
        response = http.request("POST", addresses(settings).token, data=form, unavailable=HubSpotUnavailable)
    except OutcomeUnknown as error:
        raise HubSpotUnavailable(error.hint, detail=error.detail) from error
    if not is_success(response):
        raise _refusal(response)
    return _read_tokens(response, refresh_token)


def _read_tokens(response: Response, refresh_token: str) -> Tokens:
    try:
        answer = _TokenAnswer.model_validate(read_json(response) or {})
    except ValidationError:
        raise HubSpotUnavailable("HubSpot's answer holds no access token.", code="unreadable_answer") from None
    return Tokens(
        access_token=answer.access_token,
        refresh_token=answer.refresh_token or refresh_token,
        expires_in=answer.expires_in,
        hub_id=answer.hub_id,
    )


def _refusal(response: Response) -> RelayError:
    """Look at ``status`` first, then at ``error``; an answer that has neither is read like any other."""
    body = read_error(response)
    for word in (body.status, body.error):
        if word in REINSTALL:
            return _reinstall(body)
        if word in SETTINGS:
            return Unauthorized(SETTINGS[word], scope="portal", code="app_settings", detail=body.detail)
    error = error_for(response)
    if isinstance(error, Transient):
        return error
    hint = "HubSpot refuses to renew the portal's access token and gives no known reason: read its words."
    return Unauthorized(hint, scope="portal", code="refresh_refused", detail=body.detail)


def _reinstall(body: ErrorBody) -> Unauthorized:
    return Unauthorized(
        "The app was removed from this portal or its access was revoked: install the app again.",
        scope="portal",
        code="reinstall",
        detail=body.detail,
    )
