"""Traps of HubSpot's API in which others were caught; ``tests/test_pitfalls.py`` has the list."""

from __future__ import annotations

import json

import pytest

from app.domain.person import IdentifierType
from app.errors import Rejected, Unauthorized
from app.http import Http
from app.hubspot.channel import ChannelCapabilities, ThreadingModel
from app.hubspot.client import HubSpot
from app.simulator import seed
from app.simulator.hubspot.state import App
from tests.app.hubspot.conftest import CHANNEL, Scene, publication, settings
from tests.app.hubspot.scripted import Reply, Scripted


def test_pitfall_01_a_channel_of_another_app_is_not_called_deleted(scene: Scene) -> None:
    scene.world.hubspot.apps["4"] = App("4", "other-client", "other-secret", "other-key")
    for grant in scene.world.hubspot.refresh_tokens.values():
        grant.app_id = "4"
    scene.world.hubspot.apps[seed.APP_ID].client_id, scene.world.hubspot.apps["4"].client_id = "x", seed.CLIENT_ID
    scene.world.hubspot.apps["4"].client_secret = seed.CLIENT_SECRET
    with pytest.raises(Unauthorized) as caught:
        scene.portal.publish(CHANNEL, publication())
    assert (caught.value.reason, "another app" in caught.value.hint) == ("channel_unknown", True)


def test_pitfall_03_a_body_that_is_no_json_is_never_sent(scene: Scene) -> None:
    scene.world.switch(misleading_json_error=True)
    name = 'Shop "of\\" \t\n\x00 É 👋 </script>'
    assert scene.hubspot.register_channel({"name": name, "capabilities": {}}).name == name


def test_pitfall_03_a_key_that_is_refused_beside_a_body_may_mean_the_body(http: Http) -> None:
    refusal = {"message": "The API key provided is invalid.", "category": "INVALID_AUTHENTICATION"}
    with Scripted(Reply(401, json.dumps(refusal).encode())) as server:
        hubspot = HubSpot(settings(server.url), http)
        with pytest.raises(Unauthorized) as beside_a_body:
            hubspot.register_channel({"name": "New"})
        with pytest.raises(Unauthorized) as alone:
            hubspot.channels()
    assert "body that it could not read" in beside_a_body.value.hint
    assert "body" not in alone.value.hint


@pytest.mark.parametrize("old", [["EMAIL"], [{"type": "HS_EMAIL_ADDRESS"}]])
def test_pitfall_06_types_of_identifiers_are_plain_words(scene: Scene, old: object) -> None:
    with pytest.raises(Rejected) as caught:
        scene.hubspot.register_channel({"name": "New", "capabilities": {"deliveryIdentifierTypes": old}})
    assert "deliveryIdentifierTypes" in (caught.value.detail or "")
    written = ChannelCapabilities(identifiers=frozenset(IdentifierType)).write()
    assert scene.hubspot.register_channel({"name": "New", "capabilities": written}).id


@pytest.mark.parametrize("old", ["DELIVERY_IDENTIFIER_BASED_THREADING", "DELIVERY_IDENTIFER"])
def test_pitfall_07_threading_models_have_their_present_names(scene: Scene, old: str) -> None:
    with pytest.raises(Rejected) as caught:
        scene.hubspot.register_channel({"name": "New", "capabilities": {"threadingModel": old}})
    assert "threadingModel" in (caught.value.detail or "")
    for model in ThreadingModel:
        assert scene.hubspot.register_channel({"name": model, "capabilities": {"threadingModel": model.value}}).id


def test_pitfall_29_an_answer_is_read_anew_each_time_whatever_its_headers_allow(http: Http) -> None:
    body = json.dumps({"results": []}).encode()
    fresh = {"Cache-Control": "public, max-age=86400", "ETag": '"1"', "Expires": "Fri, 01 Jan 2100 00:00:00 GMT"}
    with Scripted(Reply(200, body, fresh)) as server:
        for _ in range(2):
            HubSpot(settings(server.url), http).channels()
    assert len(server.asked) == 2
    assert all("if-none-match" not in one.headers for one in server.asked)
