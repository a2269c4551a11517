from __future__ import annotations

import pytest

from app.simulator import seed
from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import ACCOUNTS, OPAQUE, Scene


def test_a_scene_of_ones_own(scene: Scene, receiver: Receiver) -> None:
    portal = scene.sim(
        "POST",
        "/portals",
        {
            "id": "47",
            "inboxes": [{"id": "7", "type": "HELP_DESK"}],
            "contacts": [{"id": "55", "name": "Dana Roe", "email": "dana@example.com"}],
        },
    )
    channel = scene.sim("POST", "/channels", {"id": "1002", "webhookUrl": f"{receiver.url}/hook"})
    account = scene.sim(
        "POST",
        "/channel-accounts",
        {"id": "9", "portal": "47", "channel": "1002", "inbox": "7", "identifier": {"type": OPAQUE, "value": "b"}},
    )
    assert (portal["id"], channel["id"], account["id"]) == ("47", "1002", "9")
    scene.token = scene.sim("POST", "/tokens", {"portal": "47"})["accessToken"]
    listed = scene.call("GET", ACCOUNTS.replace(seed.CHANNEL_ID, "1002")).json()["results"]
    assert [one["id"] for one in listed] == ["9"]
    accounts = {one["id"]: one["portalId"] for one in scene.sim("GET", "/state")["accounts"]}
    assert accounts["9"] == "47"


def test_the_inbox_shows_what_the_page_needs(scene: Scene) -> None:
    older = scene.publish("a", integrationThreadId="a", timestamp="2026-09-14T08:00:00Z")["conversationsThreadId"]
    newer = scene.publish("b", integrationThreadId="b", timestamp="2026-09-14T09:00:00Z")["conversationsThreadId"]
    cards = scene.sim("GET", "/threads")
    assert [card["id"] for card in cards] == [newer, older]
    assert cards[0]["contactName"] == "Dana"
    assert cards[0]["inboxType"] == "INBOX"
    assert cards[0]["lastMessage"]["text"] == "b"
    assert scene.sim("GET", f"/threads?account={seed.TELEGRAM_ACCOUNT_ID}") == []


def test_messages_show_their_failure(scene: Scene) -> None:
    sent = scene.reply(scene.publish(integrationIdempotencyId="i1")["conversationsThreadId"])
    path = f"/conversations/v3/custom-channels/{seed.CHANNEL_ID}/messages/{sent['id']}"
    scene.call("PATCH", path, {"statusType": "FAILED", "errorMessage": "Blocked by Dana."})
    incoming, outgoing = scene.sim("GET", f"/threads/{sent['conversationsThreadId']}/messages")
    assert (incoming["statusType"], incoming["idempotencyId"]) == ("RECEIVED", "i1")
    assert (outgoing["statusType"], outgoing["failure"]) == ("FAILED", "Blocked by Dana.")
    assert outgoing["statusPatches"] == ["FAILED"]


def test_attachments_open_for_the_page_and_run_nothing(scene: Scene) -> None:
    scene.world.switch(attachment_url="private")
    thread_id = scene.publish()["conversationsThreadId"]
    page = {"name": "a.txt", "mime": "text/plain", "base64": "PGI+"}
    scene.reply(thread_id, "", attachments=[page])
    shown = scene.sim("GET", f"/threads/{thread_id}/messages")[-1]["attachments"][0]
    opened = scene.client.get(shown["viewUrl"])
    assert opened.content == b"<b>"
    assert opened.headers["Content-Security-Policy"] == "sandbox"
    assert scene.client.get("/_sim/files/9").status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/threads/9/reply", {"text": "x"}),
        ("/channel-accounts/9/active", {}),
        ("/channel-accounts", {"portal": "9"}),
        ("/connect", {"channel": "9"}),
        ("/tokens", {"portal": "9"}),
        ("/events/inject?channel=9", {}),
        ("/channels", {"app": "9"}),
    ],
)
def test_what_does_not_exist(scene: Scene, path: str, body: dict[str, str]) -> None:
    assert scene.client.post(f"/_sim{path}", json=body).status_code == 404


def test_misspelt_arguments_are_refused(scene: Scene) -> None:
    answer = scene.client.post("/_sim/portals", json={"id": "1", "inbox": []})
    assert answer.status_code == 400
    assert "inbox" in answer.json()["message"]
