"""Installing the app in a portal: the code that HubSpot's consent page hands out becomes the portal's sealed tokens.

Installing again keeps everything of the portal and lifts its pause.
"""

from __future__ import annotations

from dataclasses import dataclass

from app import logs
from app.errors import Transient, Unauthorized
from app.hubspot.oauth import Installation, Tokens, missing_scopes
from app.relay import portals
from app.relay.services import Services
from app.storage import accounts

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Installed:
    """The app is in this portal. ``accounts``: how many channel accounts it has here from before."""

    portal_id: int
    is_new: bool
    accounts: int


def install(services: Services, code: str) -> Installed:
    """Exchange the code, find out which portal it is, and store its tokens. Nothing is stored otherwise.

    Raises:
        Unauthorized: see ``oauth.exchange``; also code ``missing_scopes``: the portal gave fewer than the relay needs;
            ``other_app``: the tokens are of an app that the settings do not name; ``no_portal``: HubSpot names none.
        Transient: HubSpot could not be asked; a new installation is needed, because a code works once.
    """
    tokens = services.hubspot.exchange(code)
    logs.add_secrets([tokens.access_token, tokens.refresh_token])
    where = _where(services, tokens)
    _check_app(services, where)
    _check_scopes(where)
    portal_id = where.portal_id
    if portal_id is None:
        hint = "HubSpot does not say in which portal the app was installed: set RELAY_HUBSPOT_OAUTH_VERSION to 2026-03."
        raise Unauthorized(hint, scope="portal", code="no_portal")
    is_new = portals.store(services, portal_id, tokens)
    with services.database.read() as connection:
        there = sum(row.portal_id == portal_id for row in accounts.every(connection))
    log.info("app_installed", portal=portal_id, new=is_new, accounts=there)
    return Installed(portal_id, is_new=is_new, accounts=there)


def _where(services: Services, tokens: Tokens) -> Installation:
    """Ask HubSpot what the token is; where it cannot tell, the token's own answer has to do."""
    told = Installation(tokens.hub_id, scopes=tokens.scopes)
    try:
        found = services.hubspot.describe(tokens.access_token)
    except (Transient, Unauthorized) as error:
        if told.portal_id is None:
            raise
        log.warning("token_not_described", code=error.reason, hint=error.hint)
        return told
    return Installation(found.portal_id or told.portal_id, found.app_id, found.scopes or told.scopes)


def _check_app(services: Services, where: Installation) -> None:
    wanted = services.settings.hubspot_app_id
    if wanted and where.app_id and where.app_id != wanted:
        hint = f"The tokens are of app {where.app_id}, but RELAY_HUBSPOT_APP_ID names {wanted}: correct the settings."
        raise Unauthorized(hint, scope="portal", code="other_app")


def _check_scopes(where: Installation) -> None:
    missing = missing_scopes(where.scopes)
    if missing:
        hint = f"The app lacks the scopes {', '.join(missing)}: add them to the app and install it in the portal again."
        raise Unauthorized(hint, scope="portal", code="missing_scopes")
