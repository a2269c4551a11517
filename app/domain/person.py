"""Typed addresses of people and of accounts."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


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
    """Somebody in a conversation. The name is what the service shows, and may be missing."""

    model_config = ConfigDict(frozen=True, extra="allow")

    identifier: Identifier
    name: str = ""
