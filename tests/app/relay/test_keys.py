from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from app.hubspot.client import HubSpot
from app.hubspot.oauth import Tokens
from app.relay import keys, removal
from app.relay.services import Services
from app.relay.tokens import TokenSource
from app.simulator import seed
from app.storage import sealed
from app.storage.database import Connection
from app.storage.sealed import Sealed
from app.storage.tables import accounts, portals
from app.vault import Vault
from tests.app.relay.world import RelayWorld

OLD, NEW = "a key of the tests", "a newer key of the tests"
PORTAL = int(seed.PORTAL_ID)


def with_both(relay: RelayWorld) -> Services:
    """Another process, which has the new key already."""
    return replace(relay.services, vault=Vault([NEW, OLD]))


def opened(relay: RelayWorld, vault: Vault) -> list[str]:
    with relay.services.database.read() as connection:
        return [vault.open_sealed(one.text) for one in sealed.every(connection)]


def test_the_newest_key_alone_opens_everything_afterwards(relay: RelayWorld) -> None:
    relay.conversation()
    services = with_both(relay)
    before = opened(relay, relay.services.vault)
    found = keys.survey(services)
    assert (found.old, found.total, found.is_done) == (3, 3, False)
    assert keys.rotate(services) == 3
    assert opened(relay, Vault([NEW])) == before
    assert keys.survey(services).is_done
    assert keys.rotate(services) == 0


def test_a_token_that_is_refreshed_meanwhile_is_kept(relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refresh comes between the look and the write, and HubSpot gives another refresh token each time."""
    relay.world.switch(rotate_refresh_tokens=True)
    services, every = with_both(relay), sealed.every
    refreshed: list[str] = []

    def overtaken(connection: Connection) -> list[Sealed]:
        found = every(connection)
        if not refreshed:
            refreshed.append(TokenSource(relay.services, PORTAL)(None))
        return found

    monkeypatch.setattr(sealed, "every", overtaken)
    keys.rotate(services)
    with relay.services.database.read() as connection:
        row = connection.execute(select(portals.c.refresh_token, portals.c.access_token)).one()
    vault = Vault([NEW])
    assert [vault.open_sealed(row.access_token)] == refreshed
    assert not relay.world.hubspot.refresh_tokens[vault.open_sealed(row.refresh_token)].revoked


def test_a_refresh_under_way_is_stored_over_what_was_sealed_anew(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    relay.world.switch(rotate_refresh_tokens=True)
    services, refresh = with_both(relay), HubSpot.refresh

    def rotated_meanwhile(self: HubSpot, token: str) -> Tokens:
        tokens = refresh(self, token)
        keys.rotate(services)
        return tokens

    monkeypatch.setattr(HubSpot, "refresh", rotated_meanwhile)
    TokenSource(services, PORTAL)(None)
    with relay.services.database.read() as connection:
        stored = connection.execute(select(portals.c.refresh_token)).scalar_one()
    assert not relay.world.hubspot.refresh_tokens[services.vault.open_sealed(stored)].revoked


def test_everything_runs_meanwhile(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.services = with_both(relay)  # the receiver still has the old key alone, and opens no portal's token
    with relay.working():
        relay.reply(thread, "while keys change")
        keys.rotate(relay.services)
    relay.settle()
    assert relay.heard() == ["while keys change"]


def test_what_no_key_opens_is_named_and_stops_nothing_else(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.execute(update(accounts).values(credentials=Vault(["a lost key"]).seal("{}")))
    services = with_both(relay)
    assert keys.rotate(services) == 1
    found = keys.survey(services)
    [sentence] = found.closed
    assert sentence.startswith("account 1: No key in RELAY_SECRET_KEYS opens")
    assert not found.is_done


def test_deleted_credentials_need_no_key(light_relay: RelayWorld) -> None:
    removal.remove(light_relay.services, light_relay.account.id)
    services = with_both(light_relay)
    keys.rotate(services)
    assert keys.survey(services).is_done
