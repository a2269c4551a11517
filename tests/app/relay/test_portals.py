from __future__ import annotations

from dataclasses import replace

import pytest

from app.errors import ConfigurationError, Unauthorized
from app.hubspot.client import HubSpot
from app.relay import portals, tokens
from app.simulator import seed
from app.storage import portals as rows
from app.storage.portals import Portal
from tests.app.relay.deliveries import deliver, message, work
from tests.app.relay.world import RelayWorld

PORTAL = int(seed.PORTAL_ID)


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def portal(relay: RelayWorld, portal_id: int = PORTAL) -> Portal | None:
    with relay.services.database.read() as connection:
        return rows.get(connection, portal_id)


def test_a_tested_portal_has_its_access_token_at_once(relay: RelayWorld) -> None:
    assert portals.add(relay.services, PORTAL, seed.REFRESH_TOKEN) is False
    stored = portal(relay)
    assert stored is not None
    assert stored.access_token is not None
    assert stored.expires_in > 1_000
    tokens.client(relay.services, PORTAL).account(seed.CHANNEL_ID, seed.LOOPBACK_ACCOUNT_ID)


def test_a_new_portal_is_told_as_new(relay: RelayWorld) -> None:
    assert portals.add(relay.services, 99, "untested", test=False) is True


@pytest.mark.parametrize("test", [True, False])
def test_pitfall_24_a_private_apps_token_is_recognised_and_not_stored(relay: RelayWorld, *, test: bool) -> None:
    with pytest.raises(ConfigurationError, match="private app's token"):
        portals.add(relay.services, 99, "pat-na1-00000000-0000-0000-0000-000000000000", test=test)
    assert portal(relay, 99) is None


def test_a_wrong_token_stores_nothing(relay: RelayWorld) -> None:
    with pytest.raises(Unauthorized):
        portals.add(relay.services, 99, "made-up")
    with pytest.raises(ConfigurationError, match="belongs to portal"):
        portals.add(relay.services, 99, seed.REFRESH_TOKEN)
    assert portal(relay, 99) is None


def test_version_1_names_no_portal_and_is_asked_for_it(relay: RelayWorld) -> None:
    settings = relay.services.settings.model_copy(update={"hubspot_oauth_version": "v1"})
    services = replace(relay.services, settings=settings, hubspot=HubSpot(settings, relay.services.http))
    with pytest.raises(ConfigurationError, match=f"belongs to portal {PORTAL}"):
        portals.add(services, 99, seed.REFRESH_TOKEN)
    assert portals.add(services, PORTAL, seed.REFRESH_TOKEN) is False


def test_a_paused_portal_keeps_what_comes_until_it_is_resumed(relay: RelayWorld) -> None:
    portals.pause(relay.services, PORTAL)
    deliver(relay, message("m1"))
    work(relay)
    assert relay.inbox() == []
    portals.resume(relay.services, PORTAL)
    work(relay)
    assert [one["text"] for one in relay.inbox()] == ["Hello"]


def test_an_unknown_portal_is_told(relay: RelayWorld) -> None:
    for use in (portals.pause, portals.resume):
        with pytest.raises(ConfigurationError, match="no portal 99"):
            use(relay.services, 99)
