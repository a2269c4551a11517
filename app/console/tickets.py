"""What a page hands to the browser and takes back: sealed, so that nobody can read, change or make it."""

from __future__ import annotations

import hmac
import json
import time
from enum import StrEnum
from typing import Any

from app.errors import ConfigurationError
from app.vault import Vault

#: A longer one is none of ours.
_LONGEST = 20_000


class Purpose(StrEnum):
    """What a ticket is good for; one of another purpose is none."""

    BROWSER = "browser"
    CONNECT = "connect"
    INSTALL = "install"


class TicketInvalid(Exception):
    """It was not issued here, or for something else."""


class TicketExpired(TicketInvalid):
    """It was issued here, too long ago."""


class Tickets:
    """Issues tickets and takes them back."""

    def __init__(self, vault: Vault) -> None:
        """Seal with the relay's keys."""
        self._vault = vault

    def issue(self, purpose: Purpose, body: dict[str, Any]) -> str:
        """Return a ticket that holds ``body``."""
        return self._vault.seal(json.dumps({"for": purpose.value, "at": time.time(), "body": body}))

    def read(self, purpose: Purpose, ticket: str, *, life: float | None = None) -> dict[str, Any]:
        """Return what a ticket holds. ``life``: seconds that it is good for; None: for ever.

        Raises:
            TicketInvalid, TicketExpired: see there.
        """
        try:
            content = json.loads(self._vault.open_sealed(ticket[:_LONGEST]))
            given, at, body = content["for"], content["at"], content["body"]
        except (ConfigurationError, ValueError, LookupError, TypeError):
            raise TicketInvalid from None
        if given != purpose.value or not isinstance(body, dict):
            raise TicketInvalid
        if life is not None and time.time() - at > life:
            raise TicketExpired
        return body


def same(one: str, other: str) -> bool:
    """Compare two secrets in constant time; an empty one is like nothing."""
    return bool(one) and hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
