from __future__ import annotations

from typing import Any

import pytest

from app.simulator import seed
from app.simulator.hubspot import oauth
from tests.app.simulator.scene import ACCOUNTS, CHANNELS, KEY, MESSAGES, Scene, message

CHANNEL = f"{CHANNELS}/{seed.CHANNEL_ID}"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}], ids=["none", "basic", "empty"]
)
def test_no_token(scene: Scene, headers: dict[str, str]) -> None:
    answer = scene.client.get(ACCOUNTS, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["category"] == "INVALID_AUTHENTICATION"
    assert answer.json()["message"].startswith("Authentication credentials not found.")


def test_an_expired_token_tells_when(scene: Scene) -> None:
    assert scene.call("GET", ACCOUNTS).status_code == 200
    scene.world.advance(1805)
    answer = scene.call("GET", ACCOUNTS).json()
    assert answer["category"] == "EXPIRED_AUTHENTICATION"
    assert "expired 5 second(s) ago" in answer["message"]
    assert len(answer["context"]["expire time"]) == 1


def test_garbage_is_called_expired_since_the_epoch(scene: Scene) -> None:
    answer = scene.client.get(ACCOUNTS, headers=bearer("garbage"))
    assert answer.status_code == 401
    assert answer.json()["context"] == {"expire time": ["1970-01-01T00:00:00.000Z"]}
    assert "day(s)" in answer.json()["message"]


def test_a_missing_scope(scene: Scene) -> None:
    with scene.world.lock:
        scopes = frozenset({"conversations.custom_channels.read"})
        held = oauth.install(scene.world, seed.APP_ID, seed.PORTAL_ID, scopes=scopes)
        scene.token = oauth.issue(scene.world, held).value
    assert scene.call("GET", ACCOUNTS).status_code == 200
    answer = scene.call("POST", MESSAGES, message())
    assert answer.status_code == 403
    assert answer.json()["category"] == "MISSING_SCOPES"
    wanted = answer.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert wanted == ["conversations.custom_channels.write"]


def test_a_token_of_another_app_sees_no_channel(scene: Scene) -> None:
    scene.sim("POST", "/apps", {"id": "3002", "clientId": "o", "clientSecret": "s", "developerKey": "k"})
    with scene.world.lock:
        held = oauth.install(scene.world, "3002", seed.PORTAL_ID, scopes=seed.SCOPES)
        scene.token = oauth.issue(scene.world, held).value
    answer = scene.call("POST", MESSAGES, message())
    assert answer.status_code == 404
    assert answer.json()["subCategory"].endswith("CHANNEL_DOES_NOT_EXIST")


def test_a_token_of_another_portal_sees_no_account(scene: Scene) -> None:
    published = scene.publish()
    scene.sim("POST", "/portals", {"id": "4700002"})
    scene.token = scene.issue("4700002")
    assert scene.call("GET", ACCOUNTS).json()["total"] == 0
    assert scene.call("POST", MESSAGES, message()).status_code == 404
    assert scene.call("GET", f"{MESSAGES}/{published['id']}").status_code == 404


@pytest.mark.parametrize("path", [CHANNELS, CHANNEL, f"{CHANNEL}/"])
def test_channels_want_the_developer_key(scene: Scene, path: str) -> None:
    assert scene.client.get(path, params=KEY).status_code == 200
    assert scene.call("GET", path).status_code == 401
    assert scene.call("GET", path, params=KEY).status_code == 200


@pytest.mark.parametrize(
    "params", [{"hapikey": "wrong", "appId": seed.APP_ID}, {"hapikey": seed.DEVELOPER_KEY, "appId": "9"}]
)
def test_a_wrong_key(scene: Scene, params: dict[str, str]) -> None:
    answer = scene.client.get(CHANNELS, params=params)
    assert answer.status_code == 401
    assert "api key" in answer.json()["links"]


def test_a_key_does_not_open_other_endpoints_and_is_noticed(scene: Scene) -> None:
    assert scene.client.get(ACCOUNTS, params=KEY).status_code == 401
    assert scene.sim("GET", "/assertions")["hapikey_on_oauth_endpoints"] == 1


def test_sparse_errors_lack_what_is_optional(scene: Scene) -> None:
    scene.world.switch(sparse_errors=True)
    answer: dict[str, Any] = scene.client.get(ACCOUNTS).json()
    assert answer.keys() == {"status", "message"}


def test_patchy_errors_lack_now_this_and_now_that(scene: Scene) -> None:
    scene.world.switch(patchy_errors=True)
    seen = [scene.client.get(ACCOUNTS).json().keys() for _ in range(40)]
    assert {"status", "message", "correlationId", "category"} == set().union(*seen)
    assert set.intersection(*map(set, seen)) == set()


def test_unknown_routes_and_verbs(scene: Scene) -> None:
    unknown = scene.call("GET", "/crm/v9/nothing")
    assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert scene.call("DELETE", ACCOUNTS).status_code == 405
