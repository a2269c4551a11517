from __future__ import annotations

import json

import pytest

from app.errors import HubSpotUnavailable, OutcomeUnknown, Rejected, Unauthorized
from app.http import Http
from app.hubspot.client import HubSpot
from app.simulator import seed
from app.simulator.faults import FaultKind
from tests.app.hubspot.conftest import VERSIONS, Scene, settings
from tests.app.hubspot.scripted import Reply, Scripted


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
def test_the_apps_channels(scene: Scene) -> None:
    (listed,) = scene.hubspot.channels()
    assert listed == scene.hubspot.channel(seed.CHANNEL_ID)
    assert (listed.id, listed.name) == (seed.CHANNEL_ID, "Relay")
    assert listed.webhook_url == "http://127.0.0.1:9/webhooks/hubspot"
    assert listed.capabilities["threadingModel"] == "INTEGRATION_THREAD_ID"


def test_a_channel_that_is_not_the_apps(scene: Scene) -> None:
    with pytest.raises(Unauthorized) as caught:
        scene.hubspot.channel("999")
    assert caught.value.reason == "channel_unknown"


def test_the_key_stands_in_the_query_and_no_token_beside_it(http: Http) -> None:
    with Scripted(Reply(200, b'{"results": []}')) as server:
        HubSpot(settings(server.url), http).channels()
    (asked,) = server.asked
    assert asked.query["hapikey"] == [seed.DEVELOPER_KEY]
    assert asked.query["appId"] == [seed.APP_ID]
    assert "authorization" not in asked.headers


def test_every_page_of_channels_is_read(http: Http) -> None:
    pages = [{"results": [{"id": 1}], "paging": {"next": {"after": "a"}}}, {"results": [{"id": 2}]}]
    with Scripted(*(Reply(200, json.dumps(page).encode()) for page in pages)) as server:
        assert [channel.id for channel in HubSpot(settings(server.url), http).channels()] == ["1", "2"]


def test_a_wrong_key_is_told(scene: Scene, http: Http) -> None:
    wrong = settings(scene.simulator.url).model_copy(update={"hubspot_app_id": "999"})
    with pytest.raises(Unauthorized) as caught:
        HubSpot(wrong, http).channels()
    assert caught.value.reason == "developer_key"
    assert seed.DEVELOPER_KEY not in f"{caught.value} {caught.value.detail}"


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.HTML, FaultKind.EMPTY, FaultKind.TRUNCATED])
def test_trouble_is_transient(scene: Scene, kind: FaultKind) -> None:
    scene.fault(kind)
    with pytest.raises(HubSpotUnavailable) as caught:
        scene.hubspot.channels()
    assert seed.DEVELOPER_KEY not in f"{caught.value} {caught.value.detail}"


def test_a_channel_is_registered_and_changed(scene: Scene) -> None:
    made = scene.hubspot.register_channel({"name": "New", "capabilities": {"richText": ["BOLD"]}})
    assert (made.name, made.capabilities["richText"]) == ("New", ["BOLD"])
    scene.hubspot.update_channel(made.id, {"name": "Newer", "webhookUrl": None})
    assert scene.hubspot.channel(made.id).name == "Newer"


def test_a_channel_that_hubspot_refuses_is_told_with_its_words(scene: Scene) -> None:
    for capabilities in ({"richText": ["BLINK"]}, {"threadingModel": "FOO"}):
        with pytest.raises(Rejected) as caught:
            scene.hubspot.register_channel({"name": "New", "capabilities": capabilities})
        assert caught.value.reason == "channel_refused"
        assert next(iter(capabilities)) in (caught.value.detail or "")
    with pytest.raises(Rejected) as caught:
        scene.hubspot.update_channel(seed.CHANNEL_ID, {})
    assert caught.value.reason == "channel_refused"


def test_a_lost_answer_to_a_registration_is_not_tried_again(scene: Scene) -> None:
    scene.fault(FaultKind.RESET_AFTER)
    with pytest.raises(OutcomeUnknown):
        scene.hubspot.register_channel({"name": "New", "capabilities": {}})
    assert [one.name for one in scene.hubspot.channels()].count("New") == 1


def test_a_change_without_an_answer_may_be_made_again(scene: Scene) -> None:
    scene.fault(FaultKind.RESET_AFTER)
    with pytest.raises(HubSpotUnavailable):
        scene.hubspot.update_channel(seed.CHANNEL_ID, {"name": "New"})


def test_the_channel_of_another_app_is_told(scene: Scene) -> None:
    with pytest.raises(Unauthorized) as caught:
        scene.hubspot.channel("999999")
    assert caught.value.reason == "channel_unknown"
