from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from app.domain.account import Credentials


class Token(Credentials):
    token: SecretStr


def test_credentials_do_not_show_their_secrets() -> None:
    assert "open-sesame" not in repr(Token(token=SecretStr("open-sesame")))


def test_wrong_credentials_are_refused_without_repeating_them() -> None:
    with pytest.raises(ValidationError) as caught:
        Token.model_validate({"token": "ok", "tocken": "open-sesame"})
    assert "open-sesame" not in str(caught.value)
