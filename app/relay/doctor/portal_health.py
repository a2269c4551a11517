"""Checks of the portals: each one's token, scopes, plan and budget, and its accounts, as HubSpot tells them now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from app.domain.account import RunState
from app.errors import ConfigurationError, RelayError, Transient, Unauthorized
from app.hubspot.answers import ChannelAccount, Rate
from app.hubspot.client import PortalClient
from app.hubspot.oauth import SCOPES, Installation, missing_scopes
from app.relay import pace
from app.relay.doctor import account_health
from app.relay.doctor.examination import Jobs
from app.relay.findings import Finding, Level
from app.relay.services import Services
from app.relay.shares import HUBSPOT_WINDOW
from app.relay.spans import span
from app.relay.tokens import TokenSource
from app.storage import accounts, portals
from app.storage.accounts import AccountRow
from app.storage.portals import Portal

#: Refusals that only a new installation cures, by the error's code.
_REINSTALL: Final = frozenset({"reinstall", "token_refused", "refresh_refused", "missing_scopes"})
#: The code of a refusal of our own client id or secret.
_SETTINGS: Final = "app_settings"

_PLAN = (
    "HubSpot forbids the calls although the app has the scopes: that is how a plan below Sales Hub or Service Hub "
    "Professional shows."
)


@dataclass
class _Told:
    """What HubSpot told of a portal. ``rate`` None: no answer had the headers."""

    accounts: dict[str, ChannelAccount] = field(default_factory=dict)
    refused: RelayError | None = None
    rate: Rate | None = None


def jobs(services: Services) -> Jobs:
    """Return one check for each portal."""
    with services.database.read() as connection:
        found, rows = portals.every(connection), accounts.every(connection)
    if not found:
        return {"portals": _none}
    here = {one.id: [row for row in rows if _counts(row, one)] for one in found}
    return {f"portal {one.id}": partial(_examine, services, one, here[one.id]) for one in found}


def _none() -> Iterator[Finding]:
    fix = "`relay portals add` adds one, or install the app at /oauth/install."
    yield Finding("portals", Level.WARN, "No portal is connected.", fix)


def _counts(row: AccountRow, portal: Portal) -> bool:
    return row.portal_id == portal.id and row.state is not RunState.PURGED


def _examine(services: Services, portal: Portal, rows: Sequence[AccountRow]) -> Iterator[Finding]:
    name = f"portal {portal.id}"
    page = f"{services.settings.public_url}/oauth/install"
    again = f"Install the app again at {page}, or `relay portals add {portal.id}`; accounts and messages are kept."
    if portal.state is not RunState.RUNNING:
        fix = f"{again} Or, where that was mended: `relay portals resume {portal.id}`."
        yield Finding(name, Level.FAIL, f"It is {portal.state}. {portal.hint}", fix)
        return
    try:
        grant = _grant(services, portal)
    except (RelayError, ConfigurationError) as error:
        yield _refused(name, error, again)
        return
    yield _token(services, portal)
    told = _ask(services, portal, rows)
    yield from _scopes(services, portal, grant, told.refused)
    if told.refused is None and rows:
        yield from account_health.compare(portal.id, rows, told.accounts)
    if told.rate is not None:
        yield _rate(services, portal, told.rate)


def _refused(name: str, error: RelayError | ConfigurationError, again: str) -> Finding:
    """Say whose fault it is that a token cannot be had: nobody's, the portal's, or that of our settings."""
    reason = error.reason if isinstance(error, RelayError) else _SETTINGS
    if isinstance(error, Transient) and reason != _SETTINGS:
        fix = "Run `relay doctor` again in a moment; if it stays so, look at this machine's network."
        return Finding(name, Level.WARN, f"Its token cannot be asked about: {error}", fix)
    if reason in _REINSTALL:
        return Finding(name, Level.FAIL, str(error), again)
    fix = f"Correct the settings, then `relay portals resume {name.removeprefix('portal ')}`."
    return Finding(name, Level.FAIL, str(error), fix)


def _grant(services: Services, portal: Portal) -> Installation:
    """Ask HubSpot what the portal's token is good for. One that is not active any more is refreshed first."""
    source = TokenSource(services, portal.id)
    token = source(None)
    try:
        return services.hubspot.describe(token)
    except Unauthorized as error:
        if error.reason != "token_refused":
            raise
        return services.hubspot.describe(source(token))


def _token(services: Services, portal: Portal) -> Finding:
    with services.database.read() as connection:
        now = portals.get(connection, portal.id)
    left = f", for {span(now.expires_in)} still" if now is not None and now.expires_in > 0 else ""
    refreshed = "It was refreshed just now. " if now is not None and now.token_version > portal.token_version else ""
    return Finding(f"portal {portal.id}", Level.OK, f"{refreshed}HubSpot takes its token{left}.")


def _ask(services: Services, portal: Portal, rows: Sequence[AccountRow]) -> _Told:
    """List the portal's accounts in every channel that they are in."""
    told = _Told()

    def remember(rate: Rate) -> None:
        pace.observe(services, portal.id, rate)
        told.rate = rate

    client: PortalClient = services.hubspot.portal(portal.id, TokenSource(services, portal.id), on_rate=remember)
    for channel_id in sorted({row.channel_id for row in rows}):
        try:
            told.accounts |= {one.id: one for one in client.accounts(channel_id)}
        except RelayError as error:
            told.refused = error
    return told


def _scopes(services: Services, portal: Portal, grant: Installation, refused: RelayError | None) -> Iterator[Finding]:
    """Compare what the portal granted with what the relay needs. An older version's answer may name nothing."""
    name, again = f"portal {portal.id} scopes", f"and install it anew at {services.settings.public_url}/oauth/install."
    wanted = services.settings.hubspot_app_id
    if wanted and grant.app_id and grant.app_id != wanted:
        sentence = f"Its token is of app {grant.app_id}, RELAY_HUBSPOT_APP_ID names {wanted}."
        yield Finding(name, Level.FAIL, sentence, f"Let RELAY_HUBSPOT_* name one app {again}")
    if grant.portal_id not in {None, portal.id}:
        sentence = f"Its token is of portal {grant.portal_id}: the two were mixed up."
        yield Finding(name, Level.FAIL, sentence, f"`relay portals add {portal.id}` with its own token.")
    missing = missing_scopes(grant.scopes)
    if missing:
        sentence = f"The app was installed without the scopes {', '.join(missing)}."
        yield Finding(name, Level.FAIL, sentence, f"Add them to the app, as `relay channel app` does, {again}")
    elif refused is not None:
        yield _call_refused(name, portal, refused, knows_scopes=bool(grant.scopes))
    else:
        words = f"All {len(SCOPES)} scopes are granted." if grant.scopes else "HubSpot does not tell its scopes."
        yield Finding(name, Level.OK, words)


def _call_refused(name: str, portal: Portal, refused: RelayError, *, knows_scopes: bool) -> Finding:
    if refused.reason == "missing_scopes" and knows_scopes:
        fix = "Change the portal's plan, or disconnect it: `relay portals pause` stops its calls until then."
        return Finding(f"portal {portal.id} plan", Level.FAIL, _PLAN, fix)
    level = Level.WARN if isinstance(refused, Transient) else Level.FAIL
    fix = f"The channel of its accounts: `relay accounts list`; HubSpot's words: {refused.detail or 'none'}"
    return Finding(name, level, str(refused), fix)


def _rate(services: Services, portal: Portal, rate: Rate) -> Finding:
    """Compare HubSpot's limit with the one that calls are paced by."""
    name, ours = f"portal {portal.id} rate", services.settings.hubspot_rate
    theirs = int(rate.limit * HUBSPOT_WINDOW / (rate.window or HUBSPOT_WINDOW))
    if theirs < ours:
        sentence = f"HubSpot allows it {theirs} calls in ten seconds; RELAY_HUBSPOT_RATE is {ours}."
        return Finding(name, Level.WARN, sentence, f"Set RELAY_HUBSPOT_RATE={theirs}, or calls are refused with 429.")
    unused = f", of which RELAY_HUBSPOT_RATE uses {ours}" if theirs > ours else ""
    return Finding(name, Level.OK, f"HubSpot allows it {theirs} calls in ten seconds{unused}.")
