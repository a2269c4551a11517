"""Typed addresses of people and of accounts."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class IdentifierType(StrEnum):
    """The kinds of delivery identifier that HubSpot knows, in our words."""

    EMAIL = "email"
    PHONE = "phone"
    OPAQUE = "opaque"
    SHORT_CODE = "short_code"


class Identifier(BaseModel):
    """A delivery identifier: the typed address of a person or of an account."""

    model_config = ConfigDict(frozen=True)

    type: IdentifierType = IdentifierType.OPAQUE
    value: str


class Person(BaseModel):
    """Somebody in a conversation. The name is what the service shows, and may be missing.

    ``vouched`` are phone numbers and e-mail addresses that the service itself says are this person's own, see
    ``address_of``. What somebody only writes or claims is never among them: by these people are recognised.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    identifier: Identifier
    name: str = ""
    vouched: tuple[Identifier, ...] = Field(default=(), exclude_if=lambda value: not value)

    def vouched_for(self, kind: IdentifierType) -> str:
        """Return the first vouched address of a kind, empty where there is none."""
        return next((one.value for one in self.vouched if one.type is kind), "")
