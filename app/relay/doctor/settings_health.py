"""Checks of the settings alone; nobody is asked."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from app.errors import ConfigurationError
from app.relay.findings import Finding, Level
from app.settings import Settings, check_production


def settings_of(settings: Settings) -> Iterator[Finding]:
    """Look for what is missing or weak."""
    try:
        check_production(settings)
    except ConfigurationError as error:
        yield Finding("settings", Level.FAIL, str(error), "Set it in the environment or in .env.")
        return
    kind = settings.environment
    if kind == "production":
        yield Finding("settings", Level.OK, "No secret is missing or weak.")
    else:
        yield Finding("settings", Level.WARN, f"RELAY_ENVIRONMENT is {kind}: weak secrets are let through.")
    for name in ("hubspot_app_id", "hubspot_client_id"):
        if not getattr(settings, name):
            yield Finding("settings", Level.WARN, f"RELAY_{name.upper()} is not set.", "It stands on the app's page.")


def public_url(settings: Settings) -> Finding:
    """Look at how the public address is written; ``webhook_health.round_trip`` tries it."""
    url = urlsplit(settings.public_url)
    fix = "Set RELAY_PUBLIC_URL to the https address under which HubSpot and the services reach this relay."
    if not url.hostname:
        return Finding("public_url", Level.FAIL, "No public address is set: nobody can send webhooks here.", fix)
    if url.scheme != "https":
        return Finding("public_url", Level.WARN, f"{settings.public_url} is not https: HubSpot refuses it.", fix)
    if url.path:
        sentence = f"{settings.public_url} has a path: the pages for installing and connecting do not work below one."
        return Finding("public_url", Level.FAIL, sentence, "Give the relay a host name of its own.")
    return Finding("public_url", Level.OK, f"Webhooks come to {settings.public_url}.")
