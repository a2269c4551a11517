from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.simulator import seed
from tests.app.simulator.scene import ACCOUNTS, Scene

VERSIONS = ["v1", "v3", "2026-03", "2026-09"]
BACK = "http://127.0.0.1:9/oauth/callback"
CLIENT = {"client_id": seed.CLIENT_ID, "client_secret": seed.CLIENT_SECRET}


def ask(scene: Scene, version: str = "2026-03", **fields: str) -> httpx.Response:
    return scene.client.post(f"/oauth/{version}/token", data={**CLIENT, **fields})


def refresh(scene: Scene, version: str = "2026-03", **changes: str) -> httpx.Response:
    fields = {"grant_type": "refresh_token", "refresh_token": seed.REFRESH_TOKEN, **changes}
    return ask(scene, version, **fields)


def consent(scene: Scene, **changes: str) -> dict[str, list[str]]:
    query = {"client_id": seed.CLIENT_ID, "redirect_uri": BACK, "scope": "oauth files", "state": "s1"}
    answer = scene.client.get("/oauth/authorize", params={**query, "decision": "allow", **changes})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(BACK)
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def exchange(scene: Scene, code: str, redirect_uri: str = BACK) -> httpx.Response:
    return ask(scene, grant_type="authorization_code", code=code, redirect_uri=redirect_uri)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refresh_gives_a_token_that_works(scene: Scene, version: str) -> None:
    answer = refresh(scene, version)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert body["expires_in"] == 1800
    assert body.get("hub_id") == (None if version == "v1" else int(seed.PORTAL_ID))
    assert (body["token_type"], body["token_use"]) == ("bearer", "access_token")
    assert body["refresh_token"] == seed.REFRESH_TOKEN
    scene.token = body["access_token"]
    assert scene.call("GET", ACCOUNTS).status_code == 200


def test_a_plan_below_professional_stops_at_the_consent_page_and_at_calls(scene: Scene) -> None:
    scene.world.switch(portal_plan="starter")
    answer = scene.client.get("/oauth/authorize", params={"client_id": seed.CLIENT_ID, "redirect_uri": BACK})
    assert (answer.status_code, "Location" in answer.headers) == (403, False)
    refused = scene.call("GET", ACCOUNTS)
    assert (refused.status_code, refused.json()["category"]) == (403, "MISSING_SCOPES")


def test_refreshes_are_counted_by_portal(scene: Scene) -> None:
    refresh(scene)
    refresh(scene)
    refresh(scene, refresh_token="unknown")
    assert scene.sim("GET", "/assertions")["refreshes"] == {seed.PORTAL_ID: 2}


def test_rotation_makes_the_old_token_useless(scene: Scene) -> None:
    scene.world.switch(rotate_refresh_tokens=True)
    second = refresh(scene).json()["refresh_token"]
    assert second != seed.REFRESH_TOKEN
    assert refresh(scene).json()["status"] == "BAD_REFRESH_TOKEN"
    assert refresh(scene, refresh_token=second).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN"),
        ({"client_id": "x"}, "BAD_CLIENT_ID"),
        ({"client_secret": "x"}, "BAD_CLIENT_SECRET"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_refusals(scene: Scene, version: str, change: dict[str, str], status: str) -> None:
    answer = refresh(scene, version, **change)
    assert answer.status_code == 400
    assert answer.json()["status"] == status
    assert ("error" in answer.json()) is (version != "v1")


def test_an_account_that_is_gone(scene: Scene) -> None:
    del scene.world.hubspot.portals[seed.PORTAL_ID]
    assert refresh(scene).json()["status"] == "BAD_HUB"


def test_credentials_belong_into_the_form(scene: Scene) -> None:
    fields = {**CLIENT, "grant_type": "refresh_token", "refresh_token": seed.REFRESH_TOKEN}
    assert scene.client.post("/oauth/v3/token", json=fields).status_code == 400
    assert scene.client.post("/oauth/v3/token", params=fields).status_code == 400
    assert scene.client.post("/oauth/v1/token", params=fields).status_code == 200


def test_consent_gives_a_code_for_one_use(scene: Scene) -> None:
    query = consent(scene)
    assert query["state"] == ["s1"]
    answer = exchange(scene, query["code"][0])
    assert answer.status_code == 200
    assert answer.json()["scopes"] == ["files", "oauth"]
    assert refresh(scene, refresh_token=answer.json()["refresh_token"]).status_code == 200
    assert exchange(scene, query["code"][0]).json()["status"] == "BAD_AUTH_CODE"


def test_a_code_dies_soon_and_is_bound_to_its_address(scene: Scene) -> None:
    code = consent(scene)["code"][0]
    assert exchange(scene, code, "http://127.0.0.1:9/other").json()["status"] == "BAD_REDIRECT_URI"
    scene.world.advance(61)
    assert exchange(scene, code).json()["status"] == "BAD_AUTH_CODE"


def test_a_refused_consent(scene: Scene) -> None:
    query = consent(scene, decision="refuse")
    assert query["error"] == ["access_denied"]
    assert "code" not in query


def test_the_consent_page_offers_each_portal(scene: Scene) -> None:
    page = scene.client.get("/oauth/authorize", params={"client_id": seed.CLIENT_ID, "redirect_uri": BACK})
    assert f"Connect account {seed.PORTAL_ID}" in page.text
    unknown = scene.client.get("/oauth/authorize", params={"client_id": "x", "redirect_uri": BACK})
    assert unknown.status_code == 400


def test_introspection(scene: Scene) -> None:
    def look(**fields: str) -> dict[str, Any]:
        return dict(scene.client.post("/oauth/v3/token/introspect", data={**CLIENT, **fields}).json())

    assert look(token=scene.token)["hub_id"] == int(seed.PORTAL_ID)
    assert look(access_token=scene.token)["active"] is True
    assert look(refresh_token=seed.REFRESH_TOKEN)["token_use"] == "refresh_token"
    assert look(token="x") == {"active": False}
    described = scene.client.get(f"/oauth/v1/access-tokens/{scene.token}").json()
    assert described["hub_id"] == int(seed.PORTAL_ID)
    assert scene.client.get("/oauth/v1/access-tokens/x").status_code == 404


def test_what_two_versions_leave_out_may_be_switched_on(scene: Scene) -> None:
    def introspected() -> dict[str, Any]:
        asked = {**CLIENT, "token": scene.token}
        return dict(scene.client.post("/oauth/2026-09/token/introspect", data=asked).json())

    assert introspected() == {"active": True}
    scene.world.switch(introspection_thin=False, v1_token_names_portal=True)
    assert introspected()["hub_id"] == refresh(scene, "v1").json()["hub_id"] == int(seed.PORTAL_ID)


@pytest.mark.parametrize("way", ["revoke", "delete", "uninstall"])
def test_access_tokens_outlive_their_installation(scene: Scene, way: str) -> None:
    if way == "revoke":
        scene.client.post("/oauth/v3/token/revoke", data={**CLIENT, "token": seed.REFRESH_TOKEN})
    elif way == "delete":
        assert scene.client.delete(f"/oauth/v1/refresh-tokens/{seed.REFRESH_TOKEN}").status_code == 204
    else:
        assert scene.call("DELETE", "/appinstalls/2026-09/external-install").status_code == 204
    assert refresh(scene).json()["status"] == "BAD_REFRESH_TOKEN"
    assert scene.call("GET", ACCOUNTS).status_code == 200
    scene.world.advance(1801)
    assert scene.call("GET", ACCOUNTS).status_code == 401


def test_account_details(scene: Scene) -> None:
    details = scene.call("GET", "/account-info/v3/details").json()
    assert (details["portalId"], details["uiDomain"]) == (int(seed.PORTAL_ID), "app.hubspot.com")
