from __future__ import annotations

import json

import pytest

from app.errors import HubSpotUnavailable, Unauthorized
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
