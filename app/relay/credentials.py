"""A connector's credentials as people write them, by the names of their fields."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr, ValidationError

from app.complaints import complain
from app.connectors.base import Connector
from app.domain.account import Credentials
from app.errors import ConfigurationError


class CredentialsIncomplete(ConfigurationError):
    """Values are missing, not known or malformed. Nothing was stored; the sentence names them all."""


def read_credentials(connector: Connector, values: Mapping[str, str]) -> Credentials:
    """Read a connector's credentials.

    Raises:
        CredentialsIncomplete: see there. Values never appear in it.
    """
    try:
        return connector.credentials.model_validate(dict(values))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        problems = "; ".join(complain(".".join(map(str, one["loc"])) or "all together", one) for one in found)
        raise CredentialsIncomplete(f"{connector.title} needs other credentials: {problems}.") from None


def plain(credentials: Credentials) -> dict[str, str]:
    """Return credentials by name, as they were written."""
    values = vars(credentials).items()
    return {name: one.get_secret_value() if isinstance(one, SecretStr) else one for name, one in values}
