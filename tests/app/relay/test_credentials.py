from __future__ import annotations

import pytest

from app.connectors import registry
from app.relay.credentials import CredentialsIncomplete, plain, read_credentials


def refusal(connector: str, values: dict[str, str]) -> str:
    with pytest.raises(CredentialsIncomplete) as caught:
        read_credentials(registry.get(connector), values)
    assert caught.value.__suppress_context__
    return str(caught.value)


@pytest.mark.parametrize(
    ("connector", "values", "sentence"),
    [
        ("telegram", {}, "token is missing: give it a value"),
        ("telegram", {"token": "7:" + "x" * 40, "pin": "81723"}, "pin is not known here: leave it out"),
        (
            "telegram",
            {"token": "7:too-short-to-be-one"},
            "token is not valid: not a bot token: @BotFather gives one like",
        ),
        ("matrix", {"homeserver_url": "matrix.example", "server_name": "example.org"}, "homeserver_url does not look"),
        (
            "matrix",
            {"homeserver_url": "https://m.example", "server_name": "m.example", "as_token": "short-1"},
            "as_token is too short: it has to have 8 characters or more",
        ),
    ],
)
def test_the_field_is_named_with_what_is_wrong_and_never_its_value(
    connector: str, values: dict[str, str], sentence: str
) -> None:
    words = refusal(connector, values)
    assert sentence in words
    assert not any(value in words for value in values.values())


def test_all_that_is_wrong_is_told_at_once() -> None:
    words = refusal("matrix", {"more": "x1"})
    assert all(name in words for name in ("homeserver_url is missing", "server_name is missing", "more is not known"))


def test_credentials_are_given_back_as_they_were_written() -> None:
    values = {"token": "7:" + "x" * 40, "webhook_secret": "word"}
    assert plain(read_credentials(registry.get("telegram"), values)) == values
