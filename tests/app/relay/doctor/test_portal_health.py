from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, update

from app.hubspot.client import HubSpot
from app.hubspot.oauth import SCOPES
from app.relay import portals as portal_use
from app.relay.doctor import portal_health
from app.relay.findings import Finding, Level
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.storage.tables import accounts, portals
from tests.app.relay.world import RelayWorld

PORTAL = f"portal {seed.PORTAL_ID}"


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def examined(relay: RelayWorld, **changes: Any) -> Sequence[Finding]:
    settings = relay.services.settings.model_copy(update=changes)
    services = replace(relay.services, settings=settings, hubspot=HubSpot(settings, relay.services.http))
    return [one for job in portal_health.jobs(services).values() for one in job()]


def found(relay: RelayWorld, check: str, **changes: Any) -> Finding:
    [one] = [one for one in examined(relay, **changes) if one.check == check]
    return one


def grant(relay: RelayWorld, *scopes: str) -> None:
    """Let the portal have granted these scopes and no others."""
    for held in relay.world.hubspot.refresh_tokens.values():
        held.scopes = frozenset(scopes)


def test_a_portal_in_order_is_all_right(relay: RelayWorld) -> None:
    levels = [(one.check, one.level) for one in examined(relay)]
    assert levels == [
        (PORTAL, Level.OK),
        (f"{PORTAL} scopes", Level.OK),
        (f"{PORTAL} accounts", Level.OK),
        (f"{PORTAL} accounts", Level.WARN),  # the simulator's Telegram account is connected to nothing here
        (f"{PORTAL} rate", Level.OK),
    ]


def test_the_tokens_age_is_told(relay: RelayWorld) -> None:
    assert "refreshed just now" in found(relay, PORTAL).sentence
    again = found(relay, PORTAL).sentence
    assert "refreshed" not in again
    assert "for 30 min still" in again


def test_a_token_that_was_revoked_before_its_time_is_refreshed(relay: RelayWorld) -> None:
    examined(relay)
    relay.world.hubspot.access_tokens.clear()
    assert found(relay, PORTAL).level is Level.OK


def test_a_refresh_that_is_refused_names_the_cure(relay: RelayWorld) -> None:
    portal_use.add(relay.services, int(seed.PORTAL_ID), "made-up", test=False)
    one = found(relay, PORTAL)
    assert one.level is Level.FAIL
    assert "/oauth/install" in one.fix
    assert f"relay portals add {seed.PORTAL_ID}" in one.fix
    assert "paused" in found(relay, PORTAL).sentence


def test_a_portal_without_accounts_is_asked_for_a_token(relay: RelayWorld) -> None:
    portal_use.add(relay.services, 99, "made-up", test=False)
    assert found(relay, "portal 99").level is Level.FAIL


def test_hubspot_that_is_away_says_nothing_against_the_portal(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="introspect", status=503)
    assert found(relay, PORTAL).level is Level.WARN


def test_scopes_that_are_missing_are_named(relay: RelayWorld) -> None:
    grant(relay, *(set(SCOPES) - {"conversations.read", "conversations.write"}))
    one = found(relay, f"{PORTAL} scopes")
    assert one.level is Level.FAIL
    assert one.sentence.endswith("without the scopes conversations.read, conversations.write.")
    assert "relay channel app" in one.fix


def test_pitfall_04_a_plan_that_is_too_low_shows_as_calls_forbidden_in_spite_of_the_scopes(relay: RelayWorld) -> None:
    relay.world.switch(portal_plan="starter")
    one = found(relay, f"{PORTAL} plan")
    assert (one.level, "Professional" in one.sentence) == (Level.FAIL, True)


def test_a_token_of_another_app(relay: RelayWorld) -> None:
    one = next(one for one in examined(relay, hubspot_app_id="77") if one.check == f"{PORTAL} scopes")
    assert (one.level, "of app 3001" in one.sentence) == (Level.FAIL, True)


def test_a_token_of_another_portal(relay: RelayWorld) -> None:
    seed.add_portal(relay.world, "4700002")
    for held in relay.world.hubspot.refresh_tokens.values():
        held.portal_id = "4700002"
    assert "portal 4700002" in examined(relay)[1].sentence


def test_wrong_settings_blame_no_portal(relay: RelayWorld) -> None:
    one = found(relay, PORTAL, hubspot_client_secret=SecretStr("not that of the app"))
    assert (one.level, "RELAY_HUBSPOT_CLIENT_SECRET" in one.sentence) == (Level.FAIL, True)
    assert "Correct the settings" in one.fix


@pytest.mark.parametrize(("limit", "level"), [(100, Level.WARN), (110, Level.OK), (190, Level.OK)])
def test_the_limit_in_hubspots_headers_is_compared(relay: RelayWorld, limit: int, level: Level) -> None:
    relay.world.switch(rate_limit=limit)
    one = found(relay, f"{PORTAL} rate")
    assert (one.level, str(limit) in one.sentence) == (level, True)
    assert (f"RELAY_HUBSPOT_RATE={limit}" in one.fix) == (level is Level.WARN)


def test_no_portal_is_worth_a_word(relay: RelayWorld) -> None:
    for table in (accounts, portals):
        relay.execute(delete(table))
    [one] = examined(relay)
    assert (one.check, one.level) == ("portals", Level.WARN)


def test_a_channel_that_is_not_the_apps(relay: RelayWorld) -> None:
    relay.execute(update(accounts).values(channel_id="9"))
    one = found(relay, f"{PORTAL} scopes")
    assert (one.level, "another app" in one.sentence) == (Level.FAIL, True)
