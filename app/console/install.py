"""Installing the app in a HubSpot portal: the page that explains it, and the address to which HubSpot sends back."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, request

from app import logs
from app.console.pages import Trouble, prepare, services, set_cookie, show, tickets, trouble
from app.console.tickets import Purpose, TicketExpired, TicketInvalid, same
from app.errors import RelayError, Transient, Unauthorized
from app.relay.install import install

#: Binds an installation to the browser that began it: HubSpot sends its ``state`` back, the browser this.
COOKIE: Final = "relay_install"
#: So long (seconds) an installation may take, from the page to HubSpot's answer.
LIFE: Final = 600

#: Refusals of HubSpot by the code of our error.
_TROUBLES: Final = {
    "code_refused": "code_refused",
    "token_refused": "code_refused",
    "redirect_refused": "redirect_refused",
    "scopes_refused": "scopes_refused",
    "missing_scopes": "scopes_missing",
    "reinstall": "portal_gone",
    "app_settings": "settings_wrong",
}

log = logs.get_logger(__name__)

blueprint = prepare(Blueprint("install", __name__, url_prefix="/oauth", template_folder="templates"))


@blueprint.get("/install")
def begin() -> Response:
    """Explain what is installed, and lead to HubSpot's consent page."""
    settings = services().settings
    if not (settings.hubspot_client_id and settings.public_url):
        hint = "RELAY_HUBSPOT_CLIENT_ID or RELAY_PUBLIC_URL is missing."
        return trouble(Trouble("settings_wrong", HTTPStatus.SERVICE_UNAVAILABLE, hint))
    state = _begun() or secrets.token_urlsafe(24)
    response = show("install.html", url=services().hubspot.authorise_url(state))
    _remember(response, {"state": state})
    return response


@blueprint.get("/callback")
def finish() -> Response:
    """Take HubSpot's answer: once, in ten minutes, in the browser that began."""
    wrong = _state_trouble()
    response = trouble(wrong) if wrong is not None else _finished()
    if wrong is None:
        _remember(response, {"used": request.args.get("state", "")})
    return response


def _finished() -> Response:
    if "error" in request.args:
        return trouble(_refused(request.args["error"], request.args.get("error_description", "")))
    code = request.args.get("code", "")
    if not code:
        return trouble(Trouble("answer_incomplete", install=True))
    try:
        installed = install(services(), code)
    except RelayError as error:
        log.warning("install_failed", code=error.reason, hint=error.hint)
        return trouble(_failure(error))
    return show("installed.html", installed=installed)


def _state_trouble() -> Trouble | None:
    """Return what is wrong with the state, None where this browser began this installation and it goes on."""
    state = request.args.get("state", "")
    try:
        kept = _kept()
    except TicketExpired:
        return Trouble("state_expired", HTTPStatus.GONE, install=True)
    except TicketInvalid:
        return Trouble("state_foreign", HTTPStatus.FORBIDDEN, install=True)
    if same(kept.get("state", ""), state):
        return None
    used = same(kept.get("used", ""), state)
    return Trouble("state_used" if used else "state_foreign", HTTPStatus.FORBIDDEN, install=True)


def _begun() -> str:
    """Return the state of an installation that goes on, so that two pages of one browser do not end one another."""
    try:
        return str(_kept().get("state", ""))
    except TicketInvalid:
        return ""


def _kept() -> dict[str, Any]:
    return tickets().read(Purpose.INSTALL, request.cookies.get(COOKIE, ""), life=LIFE)


def _remember(response: Response, body: dict[str, str]) -> None:
    # Kept longer than it is good for: one that is too old is told from one of another browser.
    set_cookie(response, COOKIE, tickets().issue(Purpose.INSTALL, body), path="/oauth", life=24 * LIFE)


def _refused(word: str, description: str) -> Trouble:
    """Read why HubSpot's page sent back without a code. Its words are not shown: anybody can write into an address."""
    log.info("install_refused", word=word[:80])
    if word == "access_denied":
        return Trouble("cancelled", install=True)
    asked = "scope" in f"{word} {description}".lower()
    return Trouble("plan_lacks_scopes" if asked else "consent_failed", install=True)


def _failure(error: RelayError) -> Trouble:
    if isinstance(error, Transient) and error.reason not in _TROUBLES:
        return Trouble("hubspot_away", HTTPStatus.SERVICE_UNAVAILABLE, error.hint, install=True)
    key = _TROUBLES.get(error.reason, "settings_wrong" if isinstance(error, Unauthorized) else "hubspot_refused")
    return Trouble(key, HTTPStatus.BAD_GATEWAY, error.hint, install=True)
