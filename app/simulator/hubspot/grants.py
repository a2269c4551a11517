"""What installations hand out. Times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class AccessToken:
    """A bearer token."""

    value: str
    app_id: str
    portal_id: str
    expires_at: float
    scopes: frozenset[str]


@dataclass
class RefreshToken:
    """An installation of an app in a portal."""

    value: str
    app_id: str
    portal_id: str
    scopes: frozenset[str]
    revoked: bool = False


@dataclass
class AuthorizationCode:
    """One consent, to be exchanged once."""

    value: str
    app_id: str
    portal_id: str
    redirect_uri: str
    scopes: frozenset[str]
    expires_at: float
    used: bool = False
