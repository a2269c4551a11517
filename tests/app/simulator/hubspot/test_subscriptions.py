from __future__ import annotations

import json
from typing import Any

import pytest

from app.simulator import seed
from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import MESSAGES, Scene, message


def opened(scene: Scene) -> str:
    """A thread of which no event was told."""
    thread = str(scene.publish()["conversationsThreadId"])
    scene.world.switch(conversation_events=True)
    return thread


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("assign", {"agent": seed.AGENT_ID}, ("conversation.propertyChange", "assignedTo", seed.AGENT_ID)),
        ("archive", {}, ("conversation.propertyChange", "isArchived", "true")),
        ("unarchive", {}, ("conversation.propertyChange", "isArchived", "false")),
        ("close", {}, ("conversation.propertyChange", "status", "CLOSED")),
        ("delete", {}, ("conversation.deletion", None, None)),
        ("erase", {}, ("conversation.privacyDeletion", None, None)),
    ],
)
def test_what_agents_do_to_a_conversation_is_told_to_the_app(
    scene: Scene, receiver: Receiver, action: str, body: dict[str, str], expected: tuple[str, str | None, str | None]
) -> None:
    thread = opened(scene)
    scene.sim("POST", f"/threads/{thread}/{action}", body)
    (event,) = json.loads(receiver.wait(1)[0].body)
    assert (event["subscriptionType"], event.get("propertyName"), event.get("propertyValue")) == expected
    assert (event["objectId"], event["portalId"]) == (int(thread), int(seed.PORTAL_ID))


def test_an_erased_conversation_is_gone_and_the_next_message_opens_another(scene: Scene) -> None:
    thread = opened(scene)
    first = scene.sim("GET", f"/threads/{thread}/messages")[0]["id"]
    scene.sim("POST", f"/threads/{thread}/erase")
    assert scene.call("GET", f"{MESSAGES}/{first}").status_code == 404
    assert scene.call("POST", MESSAGES, message()).json()["conversationsThreadId"] != thread


@pytest.mark.parametrize("events", [[], ["odd", {"subscriptionType": "x"}]])
def test_any_array_can_be_sent_to_the_events_address(scene: Scene, receiver: Receiver, events: list[Any]) -> None:
    scene.sim("POST", "/events/conversations", events)
    (request,) = receiver.wait(1)
    assert json.loads(request.body) == events
    assert request.path.endswith("/events")
