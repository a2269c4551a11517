from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.simulator import seed
from tests.app.simulator.scene import ACCOUNTS, CHANNELS, KEY, Scene

BODY = {"name": "Acme", "capabilities": {"threadingModel": "DELIVERY_IDENTIFIER"}, "webhookUrl": "https://a.example/"}


def register(scene: Scene, body: Any = None, path: str = CHANNELS) -> httpx.Response:
    return scene.client.post(path, params=KEY, json=body or BODY)


def change(scene: Scene, body: Any, channel_id: str = seed.CHANNEL_ID) -> httpx.Response:
    return scene.client.patch(f"{CHANNELS}/{channel_id}", params=KEY, json=body)


@pytest.mark.parametrize("path", ["/conversations/v3/custom-channels/", "/conversations/custom-channels/v3", CHANNELS])
def test_a_channel_lives_from_registration_to_archive(scene: Scene, path: str) -> None:
    made = register(scene, path=path)
    assert made.status_code == 201
    channel_id = made.json()["id"]
    assert made.headers["Location"].endswith(f"/{channel_id}")
    one = f"{CHANNELS}/{channel_id}"
    assert scene.client.get(one, params=KEY).json() == made.json()
    listed = scene.client.get(path, params=KEY).json()
    assert [channel["id"] for channel in listed["results"]] == [seed.CHANNEL_ID, channel_id]
    assert listed["total"] == 2
    gone = scene.client.delete(one, params=KEY)
    assert (gone.status_code, gone.content) == (204, b"")
    assert scene.client.get(one, params=KEY).status_code == 404


def test_defaults_are_filled_in(scene: Scene) -> None:
    capabilities = register(scene).json()["capabilities"]
    assert capabilities["threadingModel"] == "DELIVERY_IDENTIFIER"
    assert capabilities["maxFileAttachmentCount"] == 0
    assert capabilities["allowOutgoingMessages"] is False


@pytest.mark.parametrize(
    ("capability", "value"),
    [
        ("threadingModel", "FOO"),
        ("threadingModel", "DELIVERY_IDENTIFIER_BASED_THREADING"),
        ("deliveryIdentifierTypes", ["EMAIL"]),
        ("deliveryIdentifierTypes", [{"type": "HS_EMAIL_ADDRESS"}]),
        ("richText", ["BLINK"]),
        ("outgoingAttachmentTypes", "FILE"),
        ("maxFileAttachmentCount", "many"),
        ("allowInlineImages", 3),
    ],
)
def test_bad_capabilities_are_named(scene: Scene, capability: str, value: Any) -> None:
    answer = register(scene, {**BODY, "capabilities": {capability: value}})
    assert answer.status_code == 400
    body = answer.json()
    assert body["subCategory"] == "CustomChannelsError.INVALID_CHANNEL_CAPABILITY_VALUES"
    assert body["context"]["capabilityKeysAndValues"][0].startswith(f'"{capability}"')


@pytest.mark.parametrize(("policy", "status"), [("accept", 201), ("reject", 400)])
def test_capabilities_nobody_knows(scene: Scene, policy: str, status: int) -> None:
    scene.world.switch(unknown_capabilities=policy)
    assert register(scene, {**BODY, "capabilities": {"allowTelepathy": True}}).status_code == status


def test_required_fields(scene: Scene) -> None:
    answer = register(scene, {"webhookUrl": "https://a.example/"})
    assert answer.status_code == 400
    assert "[name, capabilities]" in answer.json()["message"]


@pytest.mark.parametrize(("misleading", "status"), [(False, 400), (True, 401)])
def test_malformed_json_may_be_called_a_wrong_key(scene: Scene, status: int, *, misleading: bool) -> None:
    scene.world.switch(misleading_json_error=misleading)
    assert scene.client.post(CHANNELS, params=KEY, content=b"{").status_code == status


def test_a_patch_is_partial_and_null_clears(scene: Scene) -> None:
    changed = change(scene, {"name": "New", "channelAccountConnectionRedirectUrl": None}).json()
    assert changed["name"] == "New"
    assert changed["channelAccountConnectionRedirectUrl"] is None
    assert changed["webhookUrl"].endswith("/webhooks/hubspot")


@pytest.mark.parametrize("body", [{}, {"unknown": 1}])
def test_an_empty_patch_is_refused(scene: Scene, body: Any) -> None:
    answer = change(scene, body)
    assert answer.status_code == 400
    assert answer.json()["subCategory"] == "CustomChannelsError.EMPTY_UPDATE_REQUEST_BODY"


@pytest.mark.parametrize(
    "body", [{"name": 3, "capabilities": {}}, {"capabilities": []}, {"name": "New", "capabilities": {"richText": 1}}]
)
def test_a_patch_of_the_wrong_shape_changes_nothing(scene: Scene, body: Any) -> None:
    before = scene.client.get(f"{CHANNELS}/{seed.CHANNEL_ID}", params=KEY).json()
    assert change(scene, body).status_code == 400
    assert scene.client.get(f"{CHANNELS}/{seed.CHANNEL_ID}", params=KEY).json() == before


@pytest.mark.parametrize(("policy", "left"), [("replace", []), ("merge", ["FILE", "QUICK_REPLIES"])])
def test_capabilities_are_replaced_or_merged(scene: Scene, policy: str, left: list[str]) -> None:
    scene.world.switch(capabilities_patch=policy)
    changed = change(scene, {"capabilities": {"allowInlineImages": True}}).json()["capabilities"]
    assert changed["allowInlineImages"] is True
    assert changed["outgoingAttachmentTypes"] == left


def test_a_new_channel_may_take_a_while_to_be_seen(scene: Scene) -> None:
    scene.world.switch(channel_visibility_delay=30)
    channel_id = register(scene).json()["id"]
    accounts = ACCOUNTS.replace(seed.CHANNEL_ID, channel_id)
    assert scene.call("GET", accounts).status_code == 404
    assert channel_id not in scene.client.get(CHANNELS, params=KEY).text
    scene.world.advance(31)
    assert scene.call("GET", accounts).status_code == 200
    assert channel_id in scene.client.get(CHANNELS, params=KEY).text
