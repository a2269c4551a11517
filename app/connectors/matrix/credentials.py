"""What connects an account to a homeserver, and the registration file that the homeserver's administrator installs."""

from __future__ import annotations

import json
import re
import secrets
from typing import Annotated, cast

from pydantic import AfterValidator, Field, SecretStr

from app.domain.account import Account, Credentials

#: Characters of a user's local part: https://spec.matrix.org/latest/appendices/#user-identifiers
_LOCALPART = r"^[a-z0-9._=/+-]+$"
#: Ids of users, with spaces between them; or none.
_USERS = r"^\s*(@[^\s:]+:[A-Za-z0-9.:\[\]-]+(\s+|$))*$"


def _new_token() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(32))


def _without_slash(url: str) -> str:
    return url.rstrip("/")


class MatrixCredentials(Credentials):
    """One application service: its homeserver, its two tokens and the users that belong to it."""

    homeserver_url: Annotated[str, AfterValidator(_without_slash)] = Field(
        title="Homeserver address",
        description="Where the homeserver's client API answers, such as https://matrix.example.org.",
        pattern=r"^https?://[^\s/?#]+",
        examples=["https://matrix.example.org"],
    )
    server_name: str = Field(
        title="Server name",
        description="What stands behind the colon of the homeserver's users, such as example.org.",
        pattern=r"^[A-Za-z0-9.:\[\]-]+$",
        examples=["example.org"],
    )
    sender_localpart: str = Field(
        default="relaybot",
        title="User name",
        description="The user that customers invite and that speaks for the agents, without @ and server.",
        pattern=_LOCALPART,
    )
    user_prefix: str = Field(
        default="relay_",
        title="Prefix of reserved users",
        description="Users of the homeserver whose name begins so belong to the relay; what they write is not relayed.",
        pattern=_LOCALPART,
    )
    colleagues: str = Field(
        default="",
        title="Colleagues",
        description="Ids of people on your side, such as @robin:example.org, with spaces between them: what they write "
        "in customers' rooms is shown as sent by you.",
        pattern=_USERS,
        max_length=2_000,
    )
    as_token: SecretStr = Field(
        default_factory=_new_token,
        title="Application service token",
        description="as_token of the registration file; made anew when left empty.",
        min_length=8,
    )
    hs_token: SecretStr = Field(
        default_factory=_new_token,
        title="Homeserver token",
        description="hs_token of the registration file; made anew when left empty.",
        min_length=8,
    )

    @property
    def speaker(self) -> str:
        """Id of the user that speaks for the agents."""
        return f"@{self.sender_localpart}:{self.server_name}"

    @property
    def registration_id(self) -> str:
        """Name of the registration, unique at the homeserver because the user is."""
        return f"relay-{self.sender_localpart}"

    def has_colleague(self, user: str) -> bool:
        """Tell whether a user is a person on our side, who writes in an app of their own."""
        return user in self.colleagues.split()

    def owns(self, user: str) -> bool:
        """Tell whether a user is one of ours."""
        if user == self.speaker:
            return True
        localpart, _, server = user.removeprefix("@").partition(":")
        return server == self.server_name and localpart.startswith(self.user_prefix)


def credentials_of(account: Account) -> MatrixCredentials:
    """Return an account's credentials with their type."""
    return cast("MatrixCredentials", account.credentials)


def registration(account: Account, url: str) -> str:
    """Return the registration file (YAML) for the homeserver's administrator.

    ``url`` is the account's webhook address. The file holds both tokens.
    """
    ours = credentials_of(account)
    # YAML reads every JSON string as itself, so that nothing in a value can change the file's structure.
    name, address, speaker, as_token, hs_token = (
        json.dumps(value)
        for value in (
            ours.registration_id,
            url,
            ours.sender_localpart,
            ours.as_token.get_secret_value(),
            ours.hs_token.get_secret_value(),
        )
    )
    return "\n".join(
        [
            f"id: {name}",
            f"url: {address}",
            f"as_token: {as_token}",
            f"hs_token: {hs_token}",
            f"sender_localpart: {speaker}",
            "rate_limited: false",
            "# Read receipts; servers before version 1.13 of the specification know the second name.",
            "receive_ephemeral: true",
            "de.sorunome.msc2409.push_ephemeral: true",
            "namespaces:",
            "  users:",
            *(f"    - {{exclusive: true, regex: {json.dumps(regex)}}}" for regex in _namespaces(ours)),
            "  aliases: []",
            "  rooms: []",
            "",
        ]
    )


def _namespaces(ours: MatrixCredentials) -> list[str]:
    server = re.escape(ours.server_name)
    return [f"@{re.escape(ours.sender_localpart)}:{server}", f"@{re.escape(ours.user_prefix)}.*:{server}"]
