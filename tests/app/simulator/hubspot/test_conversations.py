from __future__ import annotations

from typing import Any

import pytest

from app.simulator import seed
from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import Scene

BASE = "/conversations/v3/conversations"


def get(scene: Scene, path: str, **params: str) -> Any:
    answer = scene.call("GET", f"{BASE}{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def open_thread(scene: Scene, **changes: Any) -> str:
    return str(scene.publish(**changes)["conversationsThreadId"])


@pytest.mark.parametrize("base", [BASE, "/conversations/conversations/2026-09"])
def test_inboxes(scene: Scene, base: str) -> None:
    listed = scene.call("GET", f"{base}/inboxes").json()
    kinds = {inbox["id"]: inbox["type"] for inbox in listed["results"]}
    assert kinds == {seed.INBOX_ID: "INBOX", seed.HELP_DESK_ID: "HELP_DESK"}
    assert scene.call("GET", f"{base}/inboxes/{seed.INBOX_ID}").json()["name"] == "Inbox"
    assert scene.call("GET", f"{base}/inboxes/9").status_code == 404


def test_channels_and_accounts(scene: Scene) -> None:
    assert {"id": seed.CHANNEL_ID, "name": "Relay"} in get(scene, "/channels")["results"]
    accounts = get(scene, "/channel-accounts", channelId=seed.CHANNEL_ID, inboxId=seed.INBOX_ID)
    assert accounts["total"] == 2
    assert get(scene, "/channel-accounts", inboxId=seed.HELP_DESK_ID)["total"] == 0
    assert get(scene, f"/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}")["name"] == "Loopback"


def test_actors(scene: Scene) -> None:
    visitor = scene.publish()["createdBy"]
    assert get(scene, f"/actors/{seed.AGENT_ID}")["name"] == seed.AGENT_NAME
    assert get(scene, f"/actors/{visitor}") == {"id": visitor, "type": "VISITOR", "name": "Dana"}
    assert scene.call("GET", f"{BASE}/actors/A-9").status_code == 404
    batch = scene.call("POST", f"{BASE}/actors/batch/read", {"inputs": [visitor, "A-9"]}).json()
    assert ([actor["id"] for actor in batch["results"]], batch["numErrors"]) == ([visitor], 1)


def test_threads_tell_their_latest_messages(scene: Scene) -> None:
    thread_id = open_thread(scene, timestamp="2026-09-14T08:15:30.120Z")
    thread = get(scene, f"/threads/{thread_id}")
    assert thread["latestMessageReceivedTimestamp"] == thread["latestMessageTimestamp"] == "2026-09-14T08:15:30.120Z"
    assert "latestMessageSentTimestamp" not in thread
    assert (thread["originalChannelAccountId"], thread["inboxId"]) == (seed.LOOPBACK_ACCOUNT_ID, seed.INBOX_ID)
    scene.reply(thread_id)
    assert get(scene, f"/threads/{thread_id}")["latestMessageSentTimestamp"] > thread["latestMessageTimestamp"]


def test_threads_are_found_by_what_happened_since(scene: Scene) -> None:
    old = open_thread(scene, integrationThreadId="a", timestamp="2026-09-14T08:00:00Z")
    new = open_thread(scene, integrationThreadId="b", timestamp="2026-09-14T10:00:00Z")
    assert [thread["id"] for thread in get(scene, "/threads")["results"]] == [old, new]
    recent = {"sort": "latestMessageTimestamp", "latestMessageTimestampAfter": "2026-09-14T09:00:00.000Z"}
    assert [thread["id"] for thread in get(scene, "/threads", **recent)["results"]] == [new]
    assert get(scene, "/threads", inboxId=seed.HELP_DESK_ID)["results"] == []


@pytest.mark.parametrize(
    "query",
    [
        "inboxId=501&inboxId=502",
        "associatedContactId=1",
        "associatedContactId=1&threadStatus=OPEN&inboxId=501",
        "sort=latestMessageTimestamp",
    ],
)
def test_filters_that_exclude_each_other(scene: Scene, query: str) -> None:
    assert scene.call("GET", f"{BASE}/threads?{query}").status_code == 400


def test_messages_of_a_thread_are_ordered_by_their_time(scene: Scene) -> None:
    thread_id = open_thread(scene, text="second", timestamp="2026-09-14T09:00:00Z")
    scene.publish("first", timestamp="2026-09-14T08:00:00+00:00")
    scene.sim("POST", f"/threads/{thread_id}/comment", {"text": "note"})
    scene.sim("POST", f"/threads/{thread_id}/close")
    listed = get(scene, f"/threads/{thread_id}/messages")["results"]
    assert [one["type"] for one in listed] == ["MESSAGE", "MESSAGE", "COMMENT", "THREAD_STATUS_CHANGE"]
    assert [one.get("text") for one in listed] == ["first", "second", "note", None]
    assert listed[-1]["newStatus"] == "CLOSED"
    assert get(scene, f"/threads/{thread_id}/messages", sort="-createdAt")["results"] == listed[::-1]
    assert get(scene, f"/threads/{thread_id}/messages/{listed[0]['id']}") == listed[0]
    assert scene.call("GET", f"{BASE}/threads/{thread_id}/messages/x").status_code == 404
    assert scene.call("GET", f"{BASE}/threads/9/messages").status_code == 404


def test_the_whole_text_of_a_cut_message(scene: Scene) -> None:
    thread_id = open_thread(scene)
    sent = scene.reply(thread_id, "x" * 500, truncated=True)
    assert (len(sent["text"]), sent["truncationStatus"]) == (200, "TRUNCATED")
    assert get(scene, f"/threads/{thread_id}/messages/{sent['id']}/original-content")["text"] == "x" * 500


def test_threads_can_be_closed_and_reopened(scene: Scene) -> None:
    path = f"{BASE}/threads/{open_thread(scene)}"
    closed = scene.call("PATCH", path, {"status": "CLOSED"}).json()
    assert closed["status"] == "CLOSED"
    assert "closedAt" in closed
    assert scene.call("PATCH", path, {"status": "OPEN"}).json()["status"] == "OPEN"
    assert scene.call("PATCH", path, {"archived": True}).json()["archived"] is True
    assert scene.call("PATCH", path, {}).status_code == 400


def test_comments_stay_inside_and_agents_messages_go_out(scene: Scene, receiver: Receiver) -> None:
    path = f"{BASE}/threads/{open_thread(scene)}/messages"
    assert scene.call("POST", path, {"type": "COMMENT", "text": "secret"}).json()["type"] == "COMMENT"
    body = {"type": "MESSAGE", "text": "hello", "senderActorId": "V-1"}
    assert "SENDER_AGENT_NOT_FOUND" in scene.call("POST", path, body).text
    sent = scene.call("POST", path, {**body, "senderActorId": seed.AGENT_ID}).json()
    (request,) = receiver.wait(1)
    assert sent["id"] in request.body.decode()
    assert b"secret" not in request.body


def test_threads_are_found_by_ticket_and_contact(scene: Scene) -> None:
    thread_id = open_thread(scene)
    with scene.world.lock:
        scene.world.hubspot.threads[thread_id].ticket_id = "88"
    open_thread(scene, integrationThreadId="11111111-7c38-4a62-9c0b-5a2f6f0d9a11")
    assert [one["id"] for one in get(scene, "/threads", associatedTicketId="88")["results"]] == [thread_id]
    assert [one["id"] for one in get(scene, "/threads", association="TICKET")["results"]] == [thread_id]
    assert len(get(scene, "/threads")["results"]) == 2


@pytest.mark.parametrize(
    "query",
    ["sort=createdAt", "sort=latestMessageTimestamp&latestMessageTimestampAfter=yesterday"],
)
def test_sorts_and_times_that_are_none_are_refused(scene: Scene, query: str) -> None:
    open_thread(scene)
    assert scene.call("GET", f"{BASE}/threads?{query}").status_code == 400


def test_times_with_an_offset_are_compared_as_times(scene: Scene) -> None:
    open_thread(scene, timestamp="2026-09-14T08:15:30.120Z")
    for after, count in (("2026-09-14T05:15:30.119-03:00", 1), ("2026-09-14T05:15:30.120-03:00", 0)):
        found = get(scene, "/threads", sort="latestMessageTimestamp", latestMessageTimestampAfter=after)
        assert len(found["results"]) == count


@pytest.mark.parametrize(("answer", "status"), [("404", 404), ("shown", 200)])
def test_an_archived_thread_shows_itself_unasked_by_a_switch(scene: Scene, answer: str, status: int) -> None:
    scene.world.switch(archived_thread_answer=answer)
    thread_id = open_thread(scene)
    assert get(scene, f"/threads/{thread_id}/messages", archived="true")["results"] == []
    with scene.world.lock:
        scene.world.hubspot.threads[thread_id].archived = True
    for path in (f"/threads/{thread_id}", f"/threads/{thread_id}/messages"):
        assert scene.call("GET", BASE + path).status_code == status
        assert get(scene, path, archived="true")


def test_the_order_of_messages_is_ignored_by_a_switch(scene: Scene) -> None:
    thread_id = open_thread(scene)
    scene.reply(thread_id)
    newest = get(scene, f"/threads/{thread_id}/messages", sort="-createdAt")["results"]
    scene.world.switch(message_sort="ignored")
    assert get(scene, f"/threads/{thread_id}/messages", sort="-createdAt")["results"] == newest[::-1]


def test_no_inbox_is_archived(scene: Scene) -> None:
    assert get(scene, "/inboxes", archived="true")["total"] == 0
