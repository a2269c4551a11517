"""What opens a Loopback account."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, cast

from pydantic import Field, SecretStr

from app.domain.account import Credentials

if TYPE_CHECKING:
    from app.domain.account import Account


class LoopbackCredentials(Credentials):
    """What connects one Loopback account."""

    token: SecretStr = Field(
        title="Token", description="Opens Loopback's API; made with the account.", min_length=1, examples=["token-1"]
    )
    secret: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_urlsafe(32)),
        title="Signing secret",
        description="Signs the webhooks; made anew when left empty.",
        min_length=8,
        examples=["signing-secret-1"],
    )


def credentials_of(account: Account) -> LoopbackCredentials:
    """Return the account's credentials."""
    return cast("LoopbackCredentials", account.credentials)


def authorization(account: Account) -> dict[str, str]:
    """Return the header that opens the API."""
    return {"Authorization": f"Bearer {credentials_of(account).token.get_secret_value()}"}
