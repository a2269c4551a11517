from __future__ import annotations

import json

import pytest

from app.simulator import seed
from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import Scene

THREADS = "/conversations/v3/conversations/threads"


@pytest.fixture
def thread(scene: Scene) -> str:
    return str(scene.publish()["conversationsThreadId"])


def notes(scene: Scene, thread: str) -> list[dict[str, str]]:
    """What is written down about a thread, as the API tells it."""
    found = scene.call("GET", f"{THREADS}/{thread}/messages").json()["results"]
    return [one for one in found if one["type"] != "MESSAGE"]


def test_a_thread_is_given_to_an_agent_and_a_team_and_taken_back(scene: Scene, thread: str) -> None:
    card = scene.sim("POST", f"/threads/{thread}/assign", {"owner": seed.COLLEAGUE_ID, "team": seed.TEAM_ID})
    assert (card["ownerName"], card["teamName"]) == (seed.COLLEAGUE_NAME, seed.TEAM_NAME)
    assert scene.call("GET", f"{THREADS}/{thread}").json()["assignedTo"] == seed.COLLEAGUE_ID
    card = scene.sim("POST", f"/threads/{thread}/assign", {"owner": None})
    assert (card["ownerId"], card["teamId"]) == (None, seed.TEAM_ID)
    given, taken = notes(scene, thread)
    assert (given["type"], given["assignedTo"]) == ("ASSIGNMENT", seed.COLLEAGUE_ID)
    assert (taken["assignedFrom"], "assignedTo" in taken) == (seed.COLLEAGUE_ID, False)


def test_the_api_assigns_too(scene: Scene, thread: str) -> None:
    path = f"{THREADS}/{thread}/assignee"
    assert scene.call("PUT", path, {"actorId": seed.AGENT_ID}).json()["assignedTo"] == seed.AGENT_ID
    assert scene.call("DELETE", path).status_code == 204
    assert "assignedTo" not in scene.call("GET", f"{THREADS}/{thread}").json()
    assert scene.call("PUT", path, {"actorId": "V-1"}).status_code == 400


@pytest.mark.parametrize("body", [{"owner": "A-999"}, {"team": "9"}])
def test_nobody_is_assigned_who_is_not_there(scene: Scene, thread: str, body: dict[str, str]) -> None:
    assert scene.client.post(f"/_sim/threads/{thread}/assign", json=body).status_code in {400, 404}


def test_in_the_help_desk_a_thread_is_a_ticket(scene: Scene, thread: str) -> None:
    card = scene.sim("POST", f"/threads/{thread}/move", {"inbox": seed.HELP_DESK_ID})
    assert card["isHelpDesk"]
    assert card["ticketId"]
    (moved,) = notes(scene, thread)
    assert (moved["type"], moved["fromInboxId"], moved["toInboxId"]) == (
        "THREAD_INBOX_CHANGE",
        seed.INBOX_ID,
        seed.HELP_DESK_ID,
    )
    assert scene.client.post(f"/_sim/threads/{thread}/move", json={"inbox": "9"}).status_code == 404


def test_a_deleted_thread_is_found_among_the_archived_ones(scene: Scene, thread: str) -> None:
    scene.sim("POST", f"/threads/{thread}/delete")
    assert scene.sim("GET", "/threads") == []
    assert [one["id"] for one in scene.call("GET", f"{THREADS}?archived=true").json()["results"]] == [thread]
    restored = scene.call("PATCH", f"{THREADS}/{thread}?archived=true", {"archived": False})
    assert restored.json()["archived"] is False
    assert scene.call("DELETE", f"{THREADS}/{thread}").status_code == 204


@pytest.mark.parametrize(
    ("form", "events"),
    [
        ("updated", ["CHANNEL_ACCOUNT_UPDATED"]),
        ("purged_created", ["CHANNEL_ACCOUNT_PURGED", "CHANNEL_ACCOUNT_CREATED"]),
    ],
)
def test_an_account_moves_in_either_form(scene: Scene, receiver: Receiver, form: str, events: list[str]) -> None:
    scene.world.switch(account_move=form)
    path = f"/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}/move"
    account = scene.sim("POST", path, {"inbox": seed.HELP_DESK_ID})
    assert account["inboxId"] == seed.HELP_DESK_ID
    assert (account["id"] == seed.LOOPBACK_ACCOUNT_ID) is (form == "updated")
    assert {json.loads(one.body)["type"] for one in receiver.wait(len(events))} == set(events)
    assert scene.publish(channelAccountId=account["id"])["channelAccountId"] == account["id"]
