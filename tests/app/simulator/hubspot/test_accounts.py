from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.simulator import seed
from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import ACCOUNTS, CHANNELS, OPAQUE, Scene

STAGING = f"{CHANNELS}/{seed.CHANNEL_ID}/channel-account-staging-tokens"
ONE = f"{ACCOUNTS}/{seed.LOOPBACK_ACCOUNT_ID}"


def identifier(value: str = "bot-9", kind: str = OPAQUE) -> dict[str, str]:
    return {"type": kind, "value": value}


def create(scene: Scene, **changes: Any) -> httpx.Response:
    body = {"inboxId": seed.INBOX_ID, "name": "Bot", "authorized": True, "deliveryIdentifier": identifier(), **changes}
    return scene.call("POST", ACCOUNTS, {key: value for key, value in body.items() if value is not None})


def connect(scene: Scene) -> dict[str, str]:
    """The five parameters of the pop-up."""
    url = scene.sim("POST", "/connect", {"inbox": seed.HELP_DESK_ID})["url"]
    assert urlsplit(url).path == "/connect"
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def fill(scene: Scene, token: str, **changes: Any) -> httpx.Response:
    body = {"accountName": "Shop", "deliveryIdentifier": identifier("shop"), **changes}
    return scene.call("PATCH", f"{STAGING}/{token}", {key: value for key, value in body.items() if value is not None})


def test_creating_an_account(scene: Scene) -> None:
    made = create(scene)
    assert made.status_code == 201
    body = made.json()
    assert made.headers["Location"] == f"{ACCOUNTS}/{body['id']}"
    assert body.keys() == {
        "id", "channelId", "inboxId", "name", "active", "authorized", "archived", "createdAt", "deliveryIdentifier",
    }  # fmt: skip
    assert (body["active"], body["authorized"], body["archived"]) == (True, True, False)
    assert scene.call("GET", made.headers["Location"]).json() == body


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inboxId": None}, "[inboxId]"),
        ({"name": None}, "[name]"),
        ({"deliveryIdentifier": "bot"}, "deliveryIdentifier"),
        ({"deliveryIdentifier": identifier(" ")}, OPAQUE),
        ({"deliveryIdentifier": identifier("x", "HS_EMAIL_ADDRESS")}, "HS_EMAIL_ADDRESS"),
        ({"deliveryIdentifier": identifier("x", "EMAIL")}, "type"),
    ],
)
def test_what_cannot_be_created(scene: Scene, change: dict[str, Any], said: str) -> None:
    answer = create(scene, **change)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


@pytest.mark.parametrize("answer", ["404", "400"])
def test_an_unknown_inbox(scene: Scene, answer: str) -> None:
    scene.world.switch(unknown_inbox_answer=answer)
    assert create(scene, inboxId="9").status_code == int(answer)


@pytest.mark.parametrize(("answer", "status"), [("409", 409), ("return_existing", 201)])
def test_a_second_account_with_one_identifier(scene: Scene, answer: str, status: int) -> None:
    scene.world.switch(duplicate_account_answer=answer)
    again = create(scene, deliveryIdentifier=identifier("loopback-demo"))
    assert again.status_code == status
    assert len(scene.world.hubspot.accounts) == 2


@pytest.mark.parametrize(("strict", "status"), [(False, 201), (True, 400)])
def test_identifier_types_of_the_channel(scene: Scene, status: int, *, strict: bool) -> None:
    scene.world.switch(identifier_type_strict=strict)
    phone = identifier("+491701234567", "HS_PHONE_NUMBER")
    assert create(scene, deliveryIdentifier=phone).status_code == status


def test_lists_are_filtered_and_paged(scene: Scene) -> None:
    everything = scene.call("GET", ACCOUNTS).json()
    assert (everything["total"], len(everything["results"])) == (2, 2)
    wanted = {"deliveryIdentifierType": OPAQUE, "deliveryIdentifierValue": "telegram-demo"}
    found = scene.call("GET", ACCOUNTS, params=wanted).json()["results"]
    assert [account["id"] for account in found] == [seed.TELEGRAM_ACCOUNT_ID]
    first = scene.call("GET", ACCOUNTS, params={"limit": 1}).json()
    after = first["paging"]["next"]["after"]
    second = scene.call("GET", ACCOUNTS, params={"limit": 1, "after": after}).json()
    assert "paging" not in second
    assert first["results"] + second["results"] == everything["results"]
    assert scene.call("GET", ACCOUNTS, params={"limit": "many"}).status_code == 400


@pytest.mark.parametrize("fires", [True, False])
def test_only_name_and_authorized_can_be_changed(scene: Scene, receiver: Receiver, *, fires: bool) -> None:
    scene.world.switch(account_updated_on_patch=fires)
    changed = scene.call("PATCH", ONE, {"authorized": False, "inboxId": seed.HELP_DESK_ID}).json()
    assert (changed["authorized"], changed["inboxId"], changed["name"]) == (False, seed.INBOX_ID, "Loopback")
    scene.sim("POST", f"/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}/purge")
    kinds = [json.loads(request.body)["type"] for request in receiver.wait(1 + fires)]
    assert ("CHANNEL_ACCOUNT_UPDATED" in kinds) is fires


@pytest.mark.parametrize("body", [{}, {"inboxId": "502"}])
def test_a_patch_with_nothing_to_change(scene: Scene, body: dict[str, Any]) -> None:
    answer = scene.call("PATCH", ONE, body)
    assert answer.status_code == 400
    assert answer.json()["subCategory"] == "CustomChannelsError.EMPTY_UPDATE_REQUEST_BODY"


@pytest.mark.parametrize(("answer", "status"), [("404", 404), ("archived", 200)])
def test_a_purged_account(scene: Scene, answer: str, status: int) -> None:
    scene.world.switch(purged_account_answer=answer)
    scene.sim("POST", f"/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}/purge")
    assert scene.call("GET", ONE).status_code == status
    archived = scene.call("GET", ONE, params={"archived": "true"}).json()
    assert archived["archived"] is True
    assert "archivedAt" in archived
    listed = [account["id"] for account in scene.call("GET", ACCOUNTS).json()["results"]]
    assert listed == [seed.TELEGRAM_ACCOUNT_ID]
    assert create(scene, deliveryIdentifier=identifier("loopback-demo")).status_code == 201


@pytest.mark.parametrize("fires", [True, False])
def test_creation_fires_an_event_only_when_switched_on(scene: Scene, receiver: Receiver, *, fires: bool) -> None:
    scene.world.switch(account_created_on_post=fires)
    made = create(scene).json()
    scene.sim("POST", f"/channel-accounts/{made['id']}/active", {"active": False})
    kinds = [json.loads(request.body)["type"] for request in receiver.wait(1 + fires)]
    assert ("CHANNEL_ACCOUNT_CREATED" in kinds) is fires


def test_the_connection_pop_up(scene: Scene, receiver: Receiver) -> None:
    query = connect(scene)
    assert query.keys() == {"accountToken", "channelId", "inboxId", "portalId", "redirectUrl"}
    filled = fill(scene, query["accountToken"])
    assert filled.status_code == 200
    assert filled.json()["inboxId"] == int(seed.HELP_DESK_ID)
    assert "id" not in filled.json()
    account = scene.client.get(query["redirectUrl"]).json()
    assert (account["name"], account["deliveryIdentifier"]["value"]) == ("Shop", "shop")
    created = json.loads(receiver.wait(1)[0].body)
    assert (created["type"], created["channelAccountId"]) == ("CHANNEL_ACCOUNT_CREATED", account["id"])
    assert scene.client.get(query["redirectUrl"]).status_code == 404
    assert fill(scene, query["accountToken"]).status_code == 404


def test_a_browser_is_sent_on_after_the_connection(scene: Scene) -> None:
    query = connect(scene)
    fill(scene, query["accountToken"])
    answer = scene.client.get(query["redirectUrl"], headers={"Accept": "text/html"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/settings/connected/")


def test_staging_tokens_die(scene: Scene) -> None:
    query = connect(scene)
    scene.world.switch(staging_token_seconds=60)
    scene.world.advance(61)
    assert fill(scene, query["accountToken"]).status_code == 404
    assert fill(scene, "unknown").status_code == 404
    assert scene.client.get(query["redirectUrl"]).status_code == 404


def test_staging_refuses_an_identifier_that_is_connected(scene: Scene) -> None:
    token = connect(scene)["accountToken"]
    assert fill(scene, token, deliveryIdentifier=identifier("loopback-demo")).status_code == 409


@pytest.mark.parametrize(("strict", "status"), [(False, 200), (True, 400)])
def test_older_documents_want_both_staging_fields(scene: Scene, status: int, *, strict: bool) -> None:
    scene.world.switch(staging_strict=strict)
    assert fill(scene, connect(scene)["accountToken"], deliveryIdentifier=None).status_code == status


def test_a_channel_without_a_redirect_address_has_no_pop_up(scene: Scene) -> None:
    scene.world.hubspot.channels[seed.CHANNEL_ID].redirect_url = None
    assert scene.client.post("/_sim/connect", json={}).status_code == 400
