from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

from app.errors import RateLimited, Unauthorized
from app.hubspot.client import HubSpot
from app.hubspot.oauth import Tokens
from app.relay import portals as use
from app.relay.tokens import TokenSource
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.simulator.hubspot import oauth
from app.storage import portals
from app.storage.tables import portals as portal_table
from tests.app.relay.world import CLIENT_SECRET, RelayWorld

PORTAL = int(seed.PORTAL_ID)


def refreshes(relay: RelayWorld) -> int:
    return int(relay.call("GET", "/_sim/assertions")["refreshes"].get(seed.PORTAL_ID, 0))


def state(relay: RelayWorld) -> str:
    with relay.services.database.read() as connection:
        return str(connection.execute(select(portal_table.c.state)).scalar_one())


def set_life(relay: RelayWorld, seconds: float) -> None:
    with relay.services.database.write() as connection:
        portal = portals.get(connection, PORTAL)
        assert portal is not None
        relay_life = portal_table.c.access_expires_at - portal.expires_in + seconds
        connection.execute(update(portal_table).values(access_expires_at=relay_life))


def test_fifty_threads_that_meet_an_expired_token_refresh_it_once(relay: RelayWorld) -> None:
    source = TokenSource(relay.services, PORTAL)
    source(None)
    set_life(relay, 0)
    start, tokens, later = threading.Barrier(50), [], []

    def ask() -> None:
        start.wait()
        try:
            tokens.append(source(None))
        except RateLimited as error:
            later.append(error.reason)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refreshes(relay) == 2
    assert len(set(tokens)) == 1
    assert len(tokens) + len(later) == 50
    assert set(later) <= {"token_refreshing"}
    assert source(None) == tokens[0]


@pytest.mark.parametrize(("left", "expected"), [(59, 2), (120, 1)])
def test_a_token_is_refreshed_a_minute_before_it_ends(light_relay: RelayWorld, left: float, expected: int) -> None:
    source = TokenSource(light_relay.services, PORTAL)
    source(None)
    set_life(light_relay, left)
    source(None)
    assert refreshes(light_relay) == expected


def test_a_token_that_was_refused_is_not_given_again(light_relay: RelayWorld) -> None:
    source = TokenSource(light_relay.services, PORTAL)
    first = source(None)
    assert source(first) != first
    assert refreshes(light_relay) == 2


def test_a_refusal_of_a_token_that_others_replaced_refreshes_nothing(light_relay: RelayWorld) -> None:
    source = TokenSource(light_relay.services, PORTAL)
    source("an older token")
    source("an older token")
    assert refreshes(light_relay) == 1


def test_a_refused_refresh_pauses_the_portal_with_its_sentence(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.execute(update(portal_table).values(refresh_token=relay.services.vault.seal("revoked")))
    with pytest.raises(Unauthorized) as caught:
        TokenSource(relay.services, PORTAL)(None)
    assert caught.value.scope == "portal"
    with relay.services.database.read() as connection:
        portal = portals.get(connection, PORTAL)
    assert portal is not None
    assert (portal.state, portal.hint) == ("paused", caught.value.hint)


def test_a_refused_refresh_does_not_stop_a_portal_that_was_installed_anew(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    refresh = HubSpot.refresh

    def installed_meanwhile(self: HubSpot, token: str) -> Tokens:
        monkeypatch.setattr(HubSpot, "refresh", refresh)
        with relay.services.database.write() as connection:
            portals.add(connection, PORTAL, name="", refresh_token=relay.services.vault.seal(seed.REFRESH_TOKEN))
        return refresh(self, token)

    relay.execute(update(portal_table).values(refresh_token=relay.services.vault.seal("revoked")))
    monkeypatch.setattr(HubSpot, "refresh", installed_meanwhile)
    relay.say("Hello?")
    relay.settle()
    assert state(relay) == "running"
    relay.pass_time(1)
    relay.settle()
    assert relay.texts() == ["Hello?"]


def test_a_token_endpoint_out_of_order_is_asked_again_at_once_by_the_next(light_relay: RelayWorld) -> None:
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/oauth", status=503)
    light_relay.say("Hello?")
    light_relay.settle()
    assert state(light_relay) == "running"
    light_relay.pass_time(3)
    light_relay.settle()
    assert light_relay.texts() == ["Hello?"]


def test_an_unknown_portal_says_how_to_add_it(light_relay: RelayWorld) -> None:
    with pytest.raises(Unauthorized, match="relay portals add 7"):
        TokenSource(light_relay.services, 7)(None)


def test_a_wrong_client_secret_alarms_and_stops_no_portal(
    light_relay: RelayWorld, caplog: pytest.LogCaptureFixture
) -> None:
    relay = light_relay
    with relay.world.lock:
        relay.world.hubspot.apps[seed.APP_ID].client_secret = "another"
    relay.say("Hello?")
    relay.wait_for_webhooks()
    relay.settle()
    assert state(relay) == "running"
    assert relay.row().attempts == 0
    assert "app_settings_refused" in caplog.text
    with relay.world.lock:
        relay.world.hubspot.apps[seed.APP_ID].client_secret = CLIENT_SECRET
    relay.pass_time(10)
    relay.settle()
    assert relay.texts() == ["Hello?"]


def test_an_uninstalled_app_pauses_the_portal_until_it_is_installed_again(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    with relay.world.lock:
        relay.world.hubspot.refresh_tokens[seed.REFRESH_TOKEN].revoked = True
        relay.world.hubspot.access_tokens.clear()
    relay.say("while it is away")
    relay.settle()
    with relay.services.database.read() as connection:
        portal = portals.get(connection, PORTAL)
    assert portal is not None
    assert (portal.state, "install the app again" in portal.hint) == ("paused", True)
    with relay.world.lock:
        held = oauth.install(relay.world, seed.APP_ID, seed.PORTAL_ID, scopes=seed.SCOPES)
    use.add(relay.services, PORTAL, held.value)
    relay.settle()
    assert [one["text"] for one in relay.agent_sees(thread)] == ["Hello?", "while it is away"]


def test_pitfall_25_a_token_that_hubspot_never_issued_is_no_old_one(light_relay: RelayWorld) -> None:
    """HubSpot reports it as expired some 20,000 days ago; with sparse errors nothing else tells."""
    relay = light_relay
    relay.world.switch(sparse_errors=True)
    client = relay.services.hubspot.portal(PORTAL, lambda _: "garbage")
    with pytest.raises(Unauthorized, match="none of HubSpot's") as caught:
        client.account(seed.CHANNEL_ID, seed.LOOPBACK_ACCOUNT_ID)
    assert caught.value.reason == "token_refused"
