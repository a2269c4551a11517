"""The developer-platform project of the HubSpot app: the files that ``hs project upload`` takes.

https://developers.hubspot.com/docs/apps/developer-platform/build-apps/app-configuration and, of the subscriptions,
https://developers.hubspot.com/docs/apps/developer-platform/add-features/configure-webhooks
"""

from __future__ import annotations

from typing import Any, Final

from app.errors import ConfigurationError
from app.hubspot.oauth import OPTIONAL_SCOPES, SCOPES, redirect_url
from app.settings import Settings

PLATFORM_VERSION: Final = "2026.09"

#: Names the app in the project; HubSpot takes an upload with another one for another app.
UID: Final = "hubspot-relay"

#: What the relay wants to hear of conversations: the property is None where the event has none.
SUBSCRIPTIONS: Final = (
    ("conversation.propertyChange", "assignedTo"),
    ("conversation.propertyChange", "status"),
    ("conversation.propertyChange", "isArchived"),
    ("conversation.deletion", None),
    ("conversation.privacyDeletion", None),
)

#: HubSpot's own default of requests in flight for one portal.
_IN_FLIGHT = 10


def project(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the project's files by their paths.

    Raises:
        ConfigurationError: the public address is none that HubSpot takes for redirects.
    """
    public = settings.public_url
    if not public.startswith(("https://", "http://localhost")):
        raise ConfigurationError(
            f"RELAY_PUBLIC_URL is {public or 'missing'}: HubSpot takes https:// and http://localhost for an app."
        )
    return {
        "hsproject.json": {"name": UID, "srcDir": "src", "platformVersion": PLATFORM_VERSION},
        "src/app/app-hsmeta.json": {"uid": UID, "type": "app", "config": _app(settings)},
        "src/app/webhooks/webhooks-hsmeta.json": {
            "uid": f"{UID}-webhooks",
            "type": "webhooks",
            "config": _webhooks(f"{public}/webhooks/hubspot/events"),
        },
    }


def _app(settings: Settings) -> dict[str, Any]:
    return {
        "name": settings.channel_name,
        "description": settings.channel_description,
        "distribution": "private",
        "auth": {
            "type": "oauth",
            "redirectUrls": [redirect_url(settings)],
            "requiredScopes": list(SCOPES),
            "optionalScopes": list(OPTIONAL_SCOPES),
            "conditionallyRequiredScopes": [],
        },
        "permittedUrls": {"fetch": [], "iframe": [], "img": []},
    }


def _webhooks(url: str) -> dict[str, Any]:
    events = [
        {"subscriptionType": kind, **({"propertyName": name} if name else {}), "active": True}
        for kind, name in SUBSCRIPTIONS
    ]
    return {
        "settings": {"targetUrl": url, "maxConcurrentRequests": _IN_FLIGHT},
        "subscriptions": {"crmObjects": [], "legacyCrmObjects": [], "hubEvents": events},
    }
