"""Access tokens: one refresh per portal at a time across all workers, by a lease in the database."""

from __future__ import annotations

from app import logs, metrics
from app.errors import RateLimited, Transient, Unauthorized
from app.hubspot.client import PortalClient
from app.hubspot.oauth import APP_SETTINGS
from app.relay import pace, pauses
from app.relay.services import Services
from app.storage import portals
from app.storage.portals import Portal, SealedTokens

#: A token that lives no longer than this (seconds) is refreshed before it is used: calls take up to 20 s.
_EARLY = 60.0
#: The refresh call's own lease (seconds), longer than one call may take.
_LEASE = 30.0

log = logs.get_logger(__name__)


def client(services: Services, portal_id: int) -> PortalClient:
    """Return HubSpot's client for a portal. Its token is looked up in the database when a call is made."""
    source = TokenSource(services, portal_id)
    return services.hubspot.portal(portal_id, source, on_rate=lambda rate: pace.observe(services, portal_id, rate))


class TokenSource:
    """Gives the client a portal's access token, refreshing it when it is old or was refused."""

    def __init__(self, services: Services, portal_id: int) -> None:
        """Remember whose token this is; nothing is read yet."""
        self._services = services
        self._portal_id = portal_id

    def __call__(self, refused: str | None) -> str:
        """Return a token that is not the refused one.

        Raises:
            RateLimited: somebody else refreshes right now; try again in half a second, at no cost.
            Unauthorized: HubSpot refuses to refresh; the portal is paused.
            Transient: the token endpoint could not be asked, or refuses our own settings.
        """
        portal = self._read()
        token = self._usable(portal, refused)
        return token if token is not None else self._refresh(portal)

    def _read(self) -> Portal:
        with self._services.database.read() as connection:
            portal = portals.get(connection, self._portal_id)
        if portal is None:
            raise Unauthorized(
                f"Portal {self._portal_id} is not known here. `relay portals add {self._portal_id}` adds it.",
                scope="portal",
                code="unknown_portal",
            )
        return portal

    def _usable(self, portal: Portal, refused: str | None) -> str | None:
        if portal.access_token is None or portal.expires_in <= _EARLY:
            return None
        token = self._services.vault.open_sealed(portal.access_token)
        return token if token != refused else None

    def _refresh(self, portal: Portal) -> str:
        services = self._services
        with services.database.write() as connection:
            mine = portals.lease_refresh(connection, portal, owner=services.name, lease=_LEASE)
        if not mine:
            raise RateLimited("The access token is being refreshed.", retry_after=0.5, code="token_refreshing")
        try:
            tokens = services.hubspot.refresh(services.vault.open_sealed(portal.refresh_token))
        except (Transient, Unauthorized) as error:
            if self._give_back(portal, error):
                raise
            raise RateLimited("The portal was installed anew.", retry_after=0.5, code="token_refreshing") from error
        sealed = SealedTokens(
            services.vault.seal(tokens.access_token), services.vault.seal(tokens.refresh_token), tokens.expires_in
        )
        with services.database.write() as connection:
            portals.store_tokens(connection, portal, sealed)
        metrics.TOKENS_REFRESHED.inc()
        log.info("token_refreshed", portal=portal.id)
        return tokens.access_token

    def _give_back(self, portal: Portal, error: Transient | Unauthorized) -> bool:
        """Let others refresh; a refusal pauses the portal.

        Returns False when the portal was installed anew meanwhile: then the error speaks of a token of the past.
        """
        with self._services.database.write() as connection:
            now = portals.get(connection, portal.id)
            if isinstance(error, Unauthorized) and now is not None and now.token_version == portal.token_version:
                pauses.pause_portal(connection, portal.id, hint=error.hint, version=portal.token_version)
            portals.drop_refresh_lease(connection, portal.id, owner=self._services.name)
        metrics.TOKENS_NOT_REFRESHED.labels(code=error.reason).inc()
        log.warning("token_refresh_failed", portal=portal.id, code=error.reason, hint=error.hint)
        if error.reason == APP_SETTINGS:
            log.error("app_settings_refused", hint=error.hint)
        return now is None or now.token_version == portal.token_version
