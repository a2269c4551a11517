"""Portals as an operator handles them: add one with its refresh token, pause it, let it run again."""

from __future__ import annotations

from app import logs
from app.errors import ConfigurationError, RelayError
from app.hubspot.oauth import Tokens
from app.relay.services import Services
from app.storage import portals
from app.storage.portals import SealedTokens

#: Tokens of private apps begin so; HubSpot answers them that the channel is not there.
_PRIVATE_APP = "pat-"

log = logs.get_logger(__name__)

PAUSED = "An operator paused this portal; `relay portals resume` lets it run again."


def add(services: Services, portal_id: int, refresh_token: str, *, name: str = "", test: bool = True) -> bool:
    """Add a portal, or give a known one a new refresh token and let it run again. Returns True when it is new.

    With ``test`` HubSpot is asked first, so that a wrong token is seen now and not by the first message.

    Raises:
        ConfigurationError: the token is of another portal, or a private app's.
        Unauthorized: HubSpot refuses the token.
        Transient: HubSpot could not be asked, or refuses our client id or secret.
    """
    if refresh_token.startswith(_PRIVATE_APP):
        raise ConfigurationError(
            "This is a private app's token. Channels need an app that is installed by OAuth: open /oauth/install."
        )
    tokens = services.hubspot.refresh(refresh_token) if test else None
    whose = _whose(services, tokens) if tokens is not None else None
    if whose not in {None, portal_id}:
        raise ConfigurationError(
            f"The refresh token belongs to portal {whose}, not to {portal_id}: nothing was stored."
        )
    if tokens is not None:
        return store(services, portal_id, tokens, name=name)
    with services.database.write() as connection:
        is_new = portals.get(connection, portal_id) is None
        portals.add(connection, portal_id, name=name, refresh_token=services.vault.seal(refresh_token))
    log.info("portal_added", portal=portal_id, new=is_new)
    return is_new


def _whose(services: Services, tokens: Tokens) -> int | None:
    """Return the portal of tokens, which version 1 does not name in its answer; None where HubSpot cannot tell."""
    logs.add_secrets([tokens.access_token, tokens.refresh_token])
    if tokens.hub_id is not None:
        return tokens.hub_id
    try:
        return services.hubspot.describe(tokens.access_token).portal_id
    except RelayError as error:
        log.warning("token_not_described", code=error.reason, hint=error.hint)
        return None


def store(services: Services, portal_id: int, tokens: Tokens, *, name: str = "") -> bool:
    """Add a portal with its tokens, or give a known one new tokens and let it run again. Returns True when it is new.

    Accounts, threads and queued work stay.
    """
    access, refresh = services.vault.seal(tokens.access_token), services.vault.seal(tokens.refresh_token)
    with services.database.write() as connection:
        is_new = portals.get(connection, portal_id) is None
        portals.add(connection, portal_id, name=name, refresh_token=refresh)
        portal = portals.get(connection, portal_id)
        assert portal is not None  # noqa: S101 - it was added in this transaction
        portals.store_tokens(connection, portal, SealedTokens(access, refresh, tokens.expires_in))
    log.info("portal_added", portal=portal_id, new=is_new)
    return is_new


def pause(services: Services, portal_id: int) -> None:
    """Stop everything of a portal. What comes in is still stored and waits.

    Raises:
        ConfigurationError: there is no such portal.
    """
    with services.database.write() as connection:
        _known(portals.get(connection, portal_id) is not None, portal_id)
        portals.pause(connection, portal_id, hint=PAUSED)
    log.info("portal_paused", portal=portal_id)


def resume(services: Services, portal_id: int) -> None:
    """Let a portal run again; its lanes are due already.

    Raises:
        ConfigurationError: there is no such portal.
    """
    with services.database.write() as connection:
        _known(portals.resume(connection, portal_id), portal_id)
    log.info("portal_resumed", portal=portal_id)


def _known(found: bool, portal_id: int) -> None:  # noqa: FBT001 - the one thing that it says
    if not found:
        raise ConfigurationError(f"There is no portal {portal_id}: `relay portals list` shows those there are.")
