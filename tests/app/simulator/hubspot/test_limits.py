from __future__ import annotations

from collections import deque

import pytest

from app.simulator import seed
from app.simulator.hubspot import oauth
from app.simulator.hubspot.limits import busiest_window
from tests.app.simulator.scene import KEY, Scene

INBOXES = "/conversations/v3/conversations/inboxes"


def drain(scene: Scene, count: int) -> list[int]:
    return [scene.call("GET", INBOXES).status_code for _ in range(count)]


def test_the_window_rolls(scene: Scene) -> None:
    scene.world.switch(rate_limit=5)
    assert drain(scene, 3) == [200, 200, 200]
    scene.world.advance(6)
    assert drain(scene, 3) == [200, 200, 429]
    scene.world.advance(5)
    assert drain(scene, 4) == [200, 200, 200, 429]
    scene.world.advance(10)
    assert drain(scene, 1) == [200]


def test_the_documented_limit_is_110_in_ten_seconds(scene: Scene) -> None:
    statuses = drain(scene, 112)
    assert statuses == [200] * 110 + [429] * 2
    assert scene.sim("GET", "/assertions")["max_calls_in_window"] == {f"{seed.APP_ID}/{seed.PORTAL_ID}": 112}


def test_headers_tell_what_is_left(scene: Scene) -> None:
    first, second = scene.call("GET", INBOXES), scene.call("GET", INBOXES)
    assert first.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert first.headers["X-HubSpot-RateLimit-Max"] == "110"
    remaining = [int(answer.headers["X-HubSpot-RateLimit-Remaining"]) for answer in (first, second)]
    assert remaining == [109, 108]


@pytest.mark.parametrize("with_header", [False, True])
def test_the_answer_to_too_many_calls(scene: Scene, *, with_header: bool) -> None:
    scene.world.switch(rate_limit=1, rate_retry_after=with_header)
    drain(scene, 1)
    refused = scene.call("GET", INBOXES)
    assert refused.status_code == 429
    body = refused.json()
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert "category" not in body
    assert ("Retry-After" in refused.headers) is with_header
    assert refused.headers["X-HubSpot-RateLimit-Remaining"] == "0"


def test_each_portal_has_its_own_window(scene: Scene) -> None:
    scene.world.switch(rate_limit=1)
    scene.sim("POST", "/portals", {"id": "4700002"})
    assert drain(scene, 2) == [200, 429]
    scene.token = scene.issue("4700002")
    assert drain(scene, 2) == [200, 429]


def test_each_app_has_its_own_window(scene: Scene) -> None:
    scene.world.switch(rate_limit=1)
    credentials = {"clientId": "other", "clientSecret": "secret", "developerKey": "key"}
    scene.sim("POST", "/apps", {"id": "3002", **credentials})
    assert drain(scene, 2) == [200, 429]
    with scene.world.lock:
        held = oauth.install(scene.world, "3002", seed.PORTAL_ID, scopes=seed.SCOPES)
        scene.token = oauth.issue(scene.world, held).value
    assert drain(scene, 1) == [200]


def test_the_day_has_a_limit_of_its_own(scene: Scene) -> None:
    scene.world.switch(daily_limit=2)
    assert drain(scene, 2) == [200, 200]
    assert scene.call("GET", INBOXES).json()["policyName"] == "DAILY"
    scene.world.advance(86400)
    scene.token = scene.issue()
    assert drain(scene, 1) == [200]


def test_developer_key_calls_are_not_counted(scene: Scene) -> None:
    answer = scene.client.get("/conversations/v3/custom-channels", params=KEY)
    assert answer.status_code == 200
    assert "X-HubSpot-RateLimit-Max" not in answer.headers


@pytest.mark.parametrize(
    ("moments", "most"),
    [([], 0), ([0.0], 1), ([0.0, 9.9, 10.0], 2), ([0.0, 5.0, 9.99, 10.0, 14.0], 4)],
)
def test_the_busiest_window(moments: list[float], most: int) -> None:
    assert busiest_window(deque(moments), 10) == most
