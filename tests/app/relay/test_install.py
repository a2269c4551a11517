from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from app.domain.account import RunState
from app.errors import HubSpotUnavailable, Unauthorized
from app.hubspot.client import HubSpot
from app.hubspot.oauth import OPTIONAL_SCOPES, SCOPES
from app.relay.install import Installed, install
from app.relay.tokens import TokenSource
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.simulator.hubspot.grants import AuthorizationCode
from app.storage import portals
from app.storage.portals import Portal
from tests.app.hubspot.scripted import Reply, Scripted
from tests.app.relay.world import RelayWorld

PORTAL = int(seed.PORTAL_ID)
TOKENS = {"access_token": "access-token-of-the-tests", "refresh_token": "refresh-token-of-the-tests"}


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def code(relay: RelayWorld, portal_id: str = seed.PORTAL_ID, scopes: frozenset[str] = frozenset(SCOPES)) -> str:
    """What HubSpot's consent page would hand out."""
    world = relay.world
    made = AuthorizationCode(
        value=world.ids.uuid(),
        app_id=seed.APP_ID,
        portal_id=portal_id,
        redirect_uri=f"{relay.services.settings.public_url}/oauth/callback",
        scopes=scopes,
        expires_at=world.clock.now() + 60,
    )
    world.hubspot.codes[made.value] = made
    return made.value


def stored(relay: RelayWorld) -> Portal:
    with relay.services.database.read() as connection:
        found = portals.get(connection, PORTAL)
    assert found is not None
    return found


def refused(relay: RelayWorld, value: str) -> str:
    before = stored(relay)
    with pytest.raises(Unauthorized) as caught:
        install(relay.services, value)
    assert stored(relay).refresh_token == before.refresh_token
    return caught.value.reason


def test_a_new_portal_and_a_known_one(relay: RelayWorld) -> None:
    seed.add_portal(relay.world, "4700007")
    assert install(relay.services, code(relay, "4700007")) == Installed(4700007, is_new=True, accounts=0)
    assert install(relay.services, code(relay)) == Installed(PORTAL, is_new=False, accounts=1)


@pytest.mark.parametrize("version", ["v1", "v3", "2026-03", "2026-09"])
def test_every_version_of_the_token_endpoint_installs_and_refreshes(relay: RelayWorld, version: str) -> None:
    settings = relay.services.settings.model_copy(update={"hubspot_oauth_version": version})
    services = replace(relay.services, settings=settings, hubspot=HubSpot(settings, relay.services.http))
    seed.add_portal(relay.world, "4700007")
    assert install(services, code(relay, "4700007")).portal_id == 4700007
    assert TokenSource(services, 4700007)(TokenSource(services, 4700007)(None))


def test_installing_again_lifts_the_pause(relay: RelayWorld) -> None:
    with relay.services.database.write() as connection:
        portals.pause(connection, PORTAL, hint="gone")
    install(relay.services, code(relay))
    assert (stored(relay).state, stored(relay).hint) == (RunState.RUNNING, "")
    relay.conversation()


def answered(relay: RelayWorld, token: dict[str, Any], introspection: Reply) -> Installed:
    """Install with these answers of HubSpot's to the code and to the question what the token is."""
    with Scripted(Reply(200, json.dumps(token).encode()), introspection) as server:
        settings = relay.services.settings.model_copy(update={"hubspot_api_url": server.url})
        scripted = replace(relay.services, settings=settings, hubspot=HubSpot(settings, relay.services.http))
        return install(scripted, "code")


@pytest.mark.parametrize(
    "introspection", [Reply(200, b'{"active": true}'), Reply(503), Reply(200, b'{"active": false}')]
)
def test_a_portal_that_introspection_does_not_name_is_taken_from_the_tokens_answer(
    relay: RelayWorld, introspection: Reply
) -> None:
    assert answered(relay, {**TOKENS, "hub_id": PORTAL}, introspection).portal_id == PORTAL


def test_a_portal_that_the_tokens_answer_does_not_name_is_asked_for(relay: RelayWorld) -> None:
    introspection = Reply(200, json.dumps({"active": True, "hub_id": PORTAL}).encode())
    assert answered(relay, TOKENS, introspection).portal_id == PORTAL


def test_a_portal_that_nobody_names(relay: RelayWorld) -> None:
    with pytest.raises(Unauthorized) as caught:
        answered(relay, TOKENS, Reply(200, b'{"active": true}'))
    assert caught.value.reason == "no_portal"


def test_scopes_that_are_missing_are_named(relay: RelayWorld) -> None:
    with pytest.raises(Unauthorized, match="files") as caught:
        install(relay.services, code(relay, scopes=frozenset(SCOPES) - {"files"}))
    assert caught.value.reason == "missing_scopes"


def test_scopes_of_contacts_may_be_missing(relay: RelayWorld) -> None:
    assert install(relay.services, code(relay, scopes=frozenset(SCOPES) - set(OPTIONAL_SCOPES))).portal_id == PORTAL


def test_another_apps_tokens(relay: RelayWorld) -> None:
    introspection = Reply(200, json.dumps({"active": True, "hub_id": PORTAL, "app_id": 77}).encode())
    with pytest.raises(Unauthorized) as caught:
        answered(relay, TOKENS, introspection)
    assert caught.value.reason == "other_app"


def test_a_code_works_once(relay: RelayWorld) -> None:
    value = code(relay)
    install(relay.services, value)
    assert refused(relay, value) == "code_refused"


def test_hubspot_is_away(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/token", status=503)
    with pytest.raises(HubSpotUnavailable):
        install(relay.services, code(relay))
