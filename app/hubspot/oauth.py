"""HubSpot's OAuth: access tokens live half an hour, refresh tokens until the app is removed from the portal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from pydantic import Field, ValidationError

from app.errors import HubSpotUnavailable, RelayError, Transient, Unauthorized
from app.http import Http, Response
from app.hubspot.addresses import addresses, join
from app.hubspot.calls import hidden, parse, repeatable
from app.hubspot.outcomes import error_for, is_success, read_error, read_json
from app.hubspot.payloads import Flag, Payload, Text, Texts
from app.settings import Settings

#: Seconds that an access token lives where the answer does not say.
LIFETIME: Final = 1_800

#: What the app asks a portal for: https://developers.hubspot.com/docs/guides/api/conversations/create-custom-channels
SCOPES: Final = (
    "oauth",
    "conversations.custom_channels.read",
    "conversations.custom_channels.write",
    "conversations.read",
    "conversations.write",
    "files",
)

#: What a portal may leave out: without them customers are recognised by nobody, and all else works.
OPTIONAL_SCOPES: Final = ("crm.objects.contacts.read", "crm.objects.contacts.write")
#: The newer names of what ``files`` allows.
_FILES: Final = frozenset({"files.read", "files.write"})

_REMOVED: Final = "The app was removed from this portal or its access was revoked: install the app again."
_CLOSED: Final = "HubSpot does not know this portal any more: install the app again, in a portal that is open."

#: Refusals that only a new installation of the app cures: the body's ``status``, or ``error`` where that is missing.
REINSTALL: Final[Mapping[str, str]] = {
    "BAD_REFRESH_TOKEN": _REMOVED,
    "invalid_grant": _REMOVED,
    "BAD_HUB": _CLOSED,
    "access_denied": _CLOSED,
}

#: Refusals that are about our own settings; no portal is to blame, and none is paused.
SETTINGS: Final[Mapping[str, str]] = {
    "BAD_CLIENT_ID": "RELAY_HUBSPOT_CLIENT_ID is not the id of a HubSpot app: copy it from the app's page.",
    "BAD_CLIENT_SECRET": "RELAY_HUBSPOT_CLIENT_SECRET does not belong to RELAY_HUBSPOT_CLIENT_ID: copy both anew.",
    "invalid_client": "RELAY_HUBSPOT_CLIENT_ID and RELAY_HUBSPOT_CLIENT_SECRET do not belong together: copy both anew.",
    "BAD_REDIRECT_URI": "The redirect address is not one of the app's: add this relay's /oauth/callback to the app.",
    "BAD_SCOPES": "The app does not offer these scopes: write it anew with `relay channel app`, and upload it.",
    "BAD_GRANT_TYPE": "HubSpot's token endpoint does not know this request: look at RELAY_HUBSPOT_OAUTH_VERSION.",
    "unsupported_grant_type": "HubSpot's token endpoint does not know this request: look at "
    "RELAY_HUBSPOT_OAUTH_VERSION.",
}

#: The code of those.
APP_SETTINGS: Final = "app_settings"

#: What is wrong with the code of an installation. A bare ``invalid_grant`` means the code here.
STALE_CODE: Final = frozenset({"BAD_AUTH_CODE", "BAD_CODE_VERIFIER", "invalid_grant"})

#: Refusals of an installation that are about our settings at HubSpot, with their codes.
INSTALLATION: Final[Mapping[str, tuple[str, str]]] = {
    "BAD_REDIRECT_URI": ("redirect_refused", "The app at HubSpot does not list this relay's /oauth/callback address."),
    "BAD_SCOPES": ("scopes_refused", "The app at HubSpot does not offer the scopes that the relay needs."),
    "invalid_scope": ("scopes_refused", "The app at HubSpot does not offer the scopes that the relay needs."),
}


#: Fields of a form that may not stand in what is told of a refusal.
_SECRET_FIELDS: Final = ("client_secret", "refresh_token", "code", "token")


@dataclass(frozen=True)
class Tokens:
    """A portal's tokens. ``refresh_token`` may be a new one and replaces the old; ``expires_in`` is in seconds.

    ``hub_id`` is the portal, None where the version's answer does not tell; ``scopes`` is empty then.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    hub_id: int | None
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Installation:
    """Where a token works. ``portal_id`` None, ``app_id`` and ``scopes`` empty: HubSpot did not tell."""

    portal_id: int | None
    app_id: str = ""
    scopes: frozenset[str] = frozenset()


class _TokenAnswer(Payload):
    access_token: str = Field(min_length=1, alias="access_token")
    refresh_token: Text = Field(default="", alias="refresh_token")
    expires_in: int = Field(default=LIFETIME, alias="expires_in")
    hub_id: int | None = Field(default=None, alias="hub_id")
    scopes: Texts = Field(default_factory=list)


class _Description(Payload):
    # answers about a token by v1 have no such flag: they exist or not
    active: Flag = True
    hub_id: int | None = Field(default=None, alias="hub_id")
    app_id: Text = Field(default="", alias="app_id")
    scopes: Texts = Field(default_factory=list)


def missing_scopes(granted: Collection[str]) -> list[str]:
    """Return what the relay needs and a portal has not granted; nothing where HubSpot names no scope at all."""
    given = {"oauth", *granted, *({"files"} if set(granted) >= _FILES else ())}
    return sorted(set(SCOPES) - given) if granted else []


def authorise_url(settings: Settings, state: str) -> str:
    """Return the address where an administrator lets the app in; HubSpot's page lets choose the portal."""
    asked = {
        "client_id": settings.hubspot_client_id,
        "redirect_uri": redirect_url(settings),
        "scope": " ".join(SCOPES),
        "optional_scope": " ".join(OPTIONAL_SCOPES),
        "state": state,
    }
    return f"{settings.hubspot_app_url}/oauth/authorize?{urlencode(asked, quote_via=quote)}"


def redirect_url(settings: Settings) -> str:
    """Return where HubSpot sends the browser back to; the app has to list exactly this."""
    return f"{settings.public_url}/oauth/callback"


def exchange(settings: Settings, http: Http, code: str) -> Tokens:
    """Turn the code of an installation into tokens. A code works once.

    Raises:
        Unauthorized: code ``code_refused``: it is too old or was used; ``redirect_refused``, ``scopes_refused``: our
            settings; ``reinstall``: the portal is gone; ``refresh_refused``: HubSpot gives no known reason.
        Transient: code ``app_settings``, as ``refresh``.
        RateLimited, HubSpotUnavailable: later, and with a new code where this one has been used meanwhile.
    """
    form = _client(settings) | {
        "grant_type": "authorization_code",
        "redirect_uri": redirect_url(settings),
        "code": code,
    }
    response = _ask(http, addresses(settings).token, form)
    if not is_success(response):
        raise _installation_refusal(response)
    tokens = _read_tokens(response, "")
    if not tokens.refresh_token:
        raise HubSpotUnavailable("HubSpot's answer holds no refresh token.", code="unreadable_answer")
    return tokens


def describe(settings: Settings, http: Http, access_token: str) -> Installation:
    """Ask in which portal, for which app and with which scopes a token works.

    Raises:
        Unauthorized: code ``token_refused``: HubSpot does not know the token, or not any more.
        RelayError: as ``refresh``.
    """
    url = addresses(settings).token
    if settings.hubspot_oauth_version == "v1":
        url = join(url.removesuffix("/token"), "access-tokens", access_token)
        response = repeatable(lambda: http.request("GET", url, unavailable=HubSpotUnavailable))
    else:
        # The guide names the field by the hint, the specification calls it ``token``.
        asked = {"token": access_token, "access_token": access_token, "token_type_hint": "access_token"}
        response = _ask(http, f"{url}/introspect", _client(settings) | asked)
    if not is_success(response):
        raise _refusal(response)
    found = parse(_Description, response)
    if not found.active:
        hint = "HubSpot says that the access token it gave is not active: install the app again."
        raise Unauthorized(hint, scope="portal", code="token_refused")
    return Installation(found.hub_id, found.app_id, frozenset(found.scopes))


def refresh(settings: Settings, http: Http, refresh_token: str) -> Tokens:
    """Ask for a new access token. May be repeated: the old refresh token stays good.

    Raises:
        Unauthorized: code ``reinstall``: HubSpot does not know the refresh token or the portal any more;
            ``refresh_refused``: it gives no known reason.
        Transient: code ``app_settings``: our client id or secret is refused. That says nothing about the portal: what
            waits goes on when the settings are right.
        RateLimited, HubSpotUnavailable: later.
    """
    form = _client(settings) | {"grant_type": "refresh_token", "refresh_token": refresh_token}
    response = _ask(http, addresses(settings).token, form)
    if not is_success(response):
        raise _refusal(response)
    return _read_tokens(response, refresh_token)


def _client(settings: Settings) -> dict[str, str]:
    return {
        "client_id": settings.hubspot_client_id,
        "client_secret": settings.hubspot_client_secret.get_secret_value(),
    }


def _ask(http: Http, url: str, form: Mapping[str, str]) -> Response:
    """Post a form: from v3 on nothing may stand in the query."""
    answer = repeatable(lambda: http.request("POST", url, data=form, unavailable=HubSpotUnavailable))
    return hidden(answer, *(form.get(name, "") for name in _SECRET_FIELDS))


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
        scopes=frozenset(answer.scopes),
    )


def _installation_refusal(response: Response) -> RelayError:
    body = read_error(response)
    for word in (body.status, body.error):
        if word in STALE_CODE:
            hint = "HubSpot does not take this code: it is too old or was used. Begin the installation again."
            return Unauthorized(hint, scope="portal", code="code_refused", detail=body.detail)
        if word in INSTALLATION:
            code, hint = INSTALLATION[word]
            return Unauthorized(hint, scope="portal", code=code, detail=body.detail)
        if word in REINSTALL or word in SETTINGS:
            break
    return _refusal(response)


def _refusal(response: Response) -> RelayError:
    """Look at ``status`` first, then at ``error``; an answer that has neither is read like any other."""
    body = read_error(response)
    for word in (body.status, body.error):
        if word in REINSTALL:
            return Unauthorized(REINSTALL[word], scope="portal", code="reinstall", detail=body.detail)
        if word in SETTINGS:
            return Transient(SETTINGS[word], everybody=True, code=APP_SETTINGS, detail=body.detail)
    error = error_for(response)
    if isinstance(error, Transient):
        return error
    hint = "HubSpot refuses to renew the portal's access token and gives no known reason: read its words."
    return Unauthorized(hint, scope="portal", code="refresh_refused", detail=body.detail)
