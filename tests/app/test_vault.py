from __future__ import annotations

import pytest

from app.errors import ConfigurationError
from app.vault import Vault


@pytest.mark.parametrize("key", ["k", "a key of any length, with ümlauts", "x" * 500])
@pytest.mark.parametrize("text", ["", "token", '{"token": "ä☃"}', "x" * 10_000])
def test_what_is_sealed_opens(key: str, text: str) -> None:
    vault = Vault([key])
    sealed = vault.seal(text)
    assert vault.open_sealed(sealed) == text
    assert sealed.isascii()
    assert text == "" or text not in sealed


def test_the_same_text_is_sealed_differently_each_time() -> None:
    vault = Vault(["key"])
    assert vault.seal("token") != vault.seal("token")


def test_older_keys_open_and_the_newest_seals() -> None:
    sealed = Vault(["old"]).seal("token")
    rotated = Vault(["new", "old"])
    assert rotated.open_sealed(sealed) == "token"
    assert rotated.needs_resealing(sealed)
    assert not rotated.needs_resealing(rotated.seal("token"))
    assert Vault(["new"]).open_sealed(rotated.seal("token")) == "token"


def test_a_missing_key_is_named_without_telling_it() -> None:
    sealed = Vault(["old key"]).seal("token")
    key_id = sealed.split(":")[1]
    with pytest.raises(ConfigurationError, match=f"key {key_id} sealed") as caught:
        Vault(["new key"]).open_sealed(sealed)
    assert "old key" not in str(caught.value)


def test_changed_text_does_not_open() -> None:
    vault = Vault(["key"])
    sealed = vault.seal("token")
    with pytest.raises(ConfigurationError):
        vault.open_sealed(sealed[:-6] + "AAAAA=")


@pytest.mark.parametrize("text", ["", "token", "v9:abcd:efgh"])
def test_text_of_another_version_does_not_open(text: str) -> None:
    vault = Vault(["key"])
    assert vault.needs_resealing(text)
    with pytest.raises(ConfigurationError, match="version"):
        vault.open_sealed(text)


def test_without_a_key_there_is_no_vault() -> None:
    with pytest.raises(ConfigurationError, match="RELAY_SECRET_KEYS"):
        Vault([])
