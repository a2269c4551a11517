"""Checks whether portals let the relay look contacts up, where an account is told to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.domain.account import ContactPolicy
from app.errors import ConfigurationError, RelayError
from app.hubspot.oauth import OPTIONAL_SCOPES
from app.relay import tokens
from app.relay.findings import Finding, Level
from app.relay.services import Services
from app.storage import accounts

_CHECK: Final = "contacts"
_READ, _WRITE = OPTIONAL_SCOPES


def contacts(services: Services) -> Iterator[Finding]:
    """Compare what each portal's token may do with what its accounts are told to do."""
    with services.database.read() as connection:
        rows = [row for row in accounts.every(connection) if row.contacts is not ContactPolicy.OFF]
    for portal_id in sorted({row.portal_id for row in rows}):
        wanted = {
            _READ,
            *(_WRITE for row in rows if (row.portal_id, row.contacts) == (portal_id, ContactPolicy.CREATE)),
        }
        yield from _portal(services, portal_id, wanted)


def _portal(services: Services, portal_id: int, wanted: set[str]) -> Iterator[Finding]:
    try:
        token = tokens.TokenSource(services, portal_id)(None)
        given = services.hubspot.describe(token).scopes
    except (RelayError, ConfigurationError):
        return  # the portal's own line says why
    missing = sorted(wanted - given) if given else []
    if missing:
        sentence = f"Portal {portal_id} lacks {', '.join(missing)}: its customers are associated with no contact."
        fix = (
            "Add the scopes to the app and install it again (messages go without); or `relay accounts contacts ID off`."
        )
        yield Finding(_CHECK, Level.WARN, sentence, fix)
    else:
        yield Finding(_CHECK, Level.OK, f"Portal {portal_id} lets contacts be looked up.")
