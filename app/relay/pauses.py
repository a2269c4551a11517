"""What a refusal of our credentials stops: one side of an account, or the whole portal; and never by a stale answer."""

from __future__ import annotations

from app import logs
from app.hubspot.portal import fingerprint
from app.relay import breaker
from app.relay.services import Services
from app.relay.verdict import Next, Verdict
from app.storage import accounts, portals
from app.storage.accounts import AccountRow, Side
from app.storage.breakers import Key, Scope
from app.storage.database import Connection

log = logs.get_logger(__name__)


def pause(services: Services, connection: Connection, account: AccountRow, *, side: Side, verdict: Verdict) -> None:
    """Pause what refused us, unless its credentials changed since the call: the message then simply goes again."""
    if verdict.next is Next.PAUSE_PORTAL:
        if is_current(services, connection, account.portal_id, verdict.credential):
            pause_portal(connection, account.portal_id, hint=verdict.hint)
        return
    now = accounts.get(connection, account.id)
    if now is None or now.credentials_version != account.credentials_version:
        return
    breaker.refused(connection, Key(Scope(side.value), account.id), hint=verdict.hint)
    if accounts.pause_side(connection, account.id, side, hint=verdict.hint, version=account.credentials_version):
        log.warning("account_paused", account=account.id, side=side.value, hint=verdict.hint)


def pause_portal(connection: Connection, portal_id: int, *, hint: str, version: int | None = None) -> None:
    """Pause a portal and probe now and then whether it takes us again."""
    breaker.refused(connection, Key(Scope.PORTAL, portal_id), hint=hint)
    if portals.pause(connection, portal_id, hint=hint, version=version):
        log.warning("portal_paused", portal=portal_id, hint=hint)


def is_current(services: Services, connection: Connection, portal_id: int, credential: str) -> bool:
    """Tell whether a refused access token is still the one that the portal has; one that is not named is."""
    portal = portals.get(connection, portal_id)
    if not credential or portal is None or portal.access_token is None:
        return True
    return fingerprint(services.vault.open_sealed(portal.access_token)) == credential
