from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import time_machine

from app.relay.account_cache import FILE, TRUSTED_FOR, AccountCache
from app.storage import accounts
from app.storage.database import DatabaseAway
from app.vault import Vault
from tests.app.relay.journaling import away
from tests.app.relay.world import RelayWorld

NOON = 1_790_000_000.0


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def cache_of(relay: RelayWorld, folder: Path) -> AccountCache:
    return AccountCache(folder, relay.services.vault)


def filled(relay: RelayWorld, folder: Path) -> AccountCache:
    cache = cache_of(relay, folder)
    cache.refresh(relay.services.database)
    return cache


def test_an_empty_cache_knows_and_trusts_nothing(relay: RelayWorld, tmp_path: Path) -> None:
    cache = cache_of(relay, tmp_path)
    assert (cache.age, cache.is_trusted, cache.find("loopback", relay.account.key)) == (None, False, None)


def test_accounts_are_found_as_the_database_has_them(relay: RelayWorld, tmp_path: Path) -> None:
    cache = filled(relay, tmp_path)
    assert cache.find("loopback", relay.account.key) == relay.account_now()
    assert cache.find("telegram", relay.account.key) is None
    assert cache.find("loopback", "another") is None


def test_the_file_outlives_its_process_and_the_database(relay: RelayWorld, tmp_path: Path) -> None:
    filled(relay, tmp_path)
    with away(relay):
        cache = cache_of(relay, tmp_path)
        with pytest.raises(DatabaseAway):
            cache.refresh(relay.services.database)
        assert cache.find("loopback", relay.account.key) == relay.account


def test_nothing_in_the_file_can_be_read_without_the_keys(relay: RelayWorld, tmp_path: Path) -> None:
    filled(relay, tmp_path)
    file = tmp_path / FILE
    text = file.read_text(encoding="ascii")
    assert file.stat().st_mode & 0o077 == 0
    assert [one for one in (relay.account.key, relay.account.name, relay.account.credentials) if one in text] == []
    stranger = AccountCache(tmp_path, Vault(["another key of the tests"]))
    assert (stranger.is_trusted, stranger.find("loopback", relay.account.key)) == (False, None)


def test_changed_credentials_are_noticed_and_written(relay: RelayWorld, tmp_path: Path) -> None:
    cache = filled(relay, tmp_path)
    changed = replace(relay.account, credentials="sealed anew")
    assert cache.knows(replace(relay.account, portal_full=True))
    assert not cache.knows(changed)
    with relay.services.database.write() as connection:
        accounts.change_credentials(connection, relay.account.id, "sealed anew")
    cache.refresh(relay.services.database)
    assert cache.knows(changed)
    assert cache_of(relay, tmp_path).knows(changed)


def test_accounts_that_nobody_has_confirmed_for_too_long_are_not_believed(relay: RelayWorld, tmp_path: Path) -> None:
    with time_machine.travel(NOON, tick=False):
        filled(relay, tmp_path)
    for age, believed in ((TRUSTED_FOR, True), (TRUSTED_FOR + 1, False)):
        with time_machine.travel(NOON + age, tick=False):
            cache = cache_of(relay, tmp_path)
            assert (cache.is_trusted, cache.find("loopback", relay.account.key) is not None) == (believed, believed)


def test_the_file_is_written_anew_when_it_grows_old_though_nothing_changed(relay: RelayWorld, tmp_path: Path) -> None:
    ages = []
    with time_machine.travel(NOON, tick=False) as clock:
        cache = filled(relay, tmp_path)
        for _ in range(2):
            clock.shift(400)
            cache.refresh(relay.services.database)
            ages.append(cache_of(relay, tmp_path).age)
    assert ages == [400, 0]


@pytest.mark.parametrize("content", ["", "v1:0:nonsense", "ü", json.dumps({"at": 1})])
def test_a_file_that_cannot_be_read_is_made_anew(relay: RelayWorld, tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    cache = cache_of(relay, tmp_path)
    assert not cache.is_trusted
    cache.refresh(relay.services.database)
    assert cache_of(relay, tmp_path).is_trusted


def test_a_folder_that_takes_no_file_costs_only_the_file(relay: RelayWorld, tmp_path: Path) -> None:
    cache = cache_of(relay, tmp_path / "gone")
    cache.refresh(relay.services.database)
    assert cache.find("loopback", relay.account.key) is not None
