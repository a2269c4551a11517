from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from app.hubspot.client import HubSpot
from app.relay import channel as use
from app.relay import portals as portal_use
from app.relay.doctor import examine
from app.relay.doctor.channel_health import channel
from app.relay.findings import Finding, Level
from app.simulator import seed
from app.simulator.hubspot.state import App
from tests.app.relay.world import RelayWorld


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """A relay whose channel is as it should be."""
    wanted, hubspot = use.build(light_relay.services.settings), light_relay.services.hubspot
    there = use.find(hubspot, wanted)
    assert there is not None
    use.apply(hubspot, wanted, there)
    return light_relay


def found(relay: RelayWorld, **changes: Any) -> Sequence[Finding]:
    settings = relay.services.settings.model_copy(update=changes)
    hubspot = HubSpot(settings, relay.services.http)
    return list(channel(replace(relay.services, settings=settings, hubspot=hubspot)))


def change(relay: RelayWorld, **body: Any) -> None:
    relay.services.hubspot.update_channel(seed.CHANNEL_ID, body)


def test_a_channel_as_it_should_be_is_all_right(relay: RelayWorld) -> None:
    [one] = found(relay)
    assert (one.check, one.level) == ("channel", Level.OK)
    assert one in examine(relay.services.settings)


def test_a_stale_webhook_address_fails_and_is_named(relay: RelayWorld) -> None:
    change(relay, webhookUrl="https://old.example/webhooks/hubspot")
    [one] = found(relay)
    assert one.level is Level.FAIL
    assert "https://old.example/webhooks/hubspot" in one.sentence
    assert "relay channel apply" in one.fix


def test_agents_without_a_composer_fail(relay: RelayWorld) -> None:
    there = relay.services.hubspot.channel(seed.CHANNEL_ID)
    change(relay, capabilities={**there.capabilities, "allowOutgoingMessages": False})
    [one] = found(relay)
    assert (one.level, "Agents cannot answer" in one.sentence) == (Level.FAIL, True)


def test_other_drift_is_worth_a_word(relay: RelayWorld) -> None:
    change(relay, name="Relay ", channelAccountConnectionRedirectUrl=None)
    [one] = found(relay)
    assert one.level is Level.WARN
    assert "name, channelAccountConnectionRedirectUrl" in one.sentence
    assert "connecting an account opens nothing" in one.sentence


@pytest.mark.parametrize("missing", [{"hubspot_app_id": ""}, {"hubspot_developer_api_key": SecretStr("")}])
def test_without_the_key_nothing_can_be_said(relay: RelayWorld, missing: dict[str, Any]) -> None:
    [one] = found(relay, **missing)
    assert (one.level, "RELAY_HUBSPOT_DEVELOPER_API_KEY" in one.fix) == (Level.WARN, True)


def test_pitfall_02_a_key_of_another_kind_is_a_known_cause(relay: RelayWorld) -> None:
    [one] = found(relay, hubspot_developer_api_key=SecretStr("pat-na1-of-a-private-app"))
    assert (one.level, "Three keys" in one.fix) == (Level.FAIL, True)
    assert "pat-na1" not in f"{one.sentence} {one.fix}"


def test_a_channel_that_was_never_registered_is_a_known_cause(relay: RelayWorld) -> None:
    settings = {"channel_name": "Another", "public_url": "https://another.example"}
    [one] = found(relay, **settings)
    assert one.level is Level.FAIL
    assert f"It has: {seed.CHANNEL_ID} (Relay)." in one.sentence
    assert "relay channel register" in one.fix


def test_a_channel_that_is_not_listed_yet_is_a_known_cause(relay: RelayWorld) -> None:
    relay.world.switch(channel_visibility_delay=10_000)
    settings = relay.services.settings.model_copy(
        update={"channel_name": "New", "public_url": "https://new.example", "hubspot_app_id": seed.APP_ID}
    )
    hubspot = HubSpot(settings, relay.services.http)
    use.register(settings, hubspot, use.build(settings), wait=lambda _: None)
    [one] = found(relay, channel_name="New", public_url="https://new.example")
    assert (one.level, "does not list it yet" in one.sentence) == (Level.WARN, True)


def test_several_channels_that_could_be_it_are_named(relay: RelayWorld) -> None:
    wanted = use.build(relay.services.settings)
    use.register(relay.services.settings, relay.services.hubspot, wanted, force=True)
    [one] = found(relay)
    assert (one.level, "--channel" in one.sentence) == (Level.FAIL, True)


def test_pitfall_01_a_portal_with_another_apps_token_does_not_see_the_channel(relay: RelayWorld) -> None:
    state = relay.world.hubspot
    state.apps["4"] = App("4", "other-client", "other-secret", "other-key")
    for grant in state.refresh_tokens.values():
        grant.app_id = "4"
    settings = {"hubspot_client_id": "other-client", "hubspot_client_secret": SecretStr("other-secret")}
    one = found(relay, **settings)[-1]
    assert (one.check, one.level) == ("channel_seen", Level.FAIL)
    assert "another app" in one.sentence


def test_a_portal_without_the_scopes_does_not_see_it(relay: RelayWorld) -> None:
    for grant in relay.world.hubspot.refresh_tokens.values():
        grant.scopes = frozenset({"oauth"})
    one = found(relay)[-1]
    assert (one.check, one.level, "scopes" in one.sentence) == ("channel_seen", Level.FAIL, True)


def test_no_portal_at_all_is_a_known_cause(relay: RelayWorld) -> None:
    portal_use.pause(relay.services, int(seed.PORTAL_ID))
    one = found(relay)[-1]
    assert (one.check, one.level) == ("channel_seen", Level.WARN)
    assert "Professional" in one.fix
