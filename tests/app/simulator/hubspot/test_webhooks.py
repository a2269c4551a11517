from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from app.simulator import seed
from tests.app.simulator.receiver import Received, Receiver, eventually
from tests.app.simulator.scene import MESSAGES, Scene

PATH = "/webhooks/hubspot"


def is_signed(receiver: Receiver, request: Received) -> bool:
    """Check a v3 signature by the documented recipe, apart from the simulator's own code."""
    stamp = request.headers.get("x-hubspot-request-timestamp", "")
    text = f"POST{receiver.url}{request.path}".encode() + request.body + stamp.encode()
    expected = base64.b64encode(hmac.new(seed.CLIENT_SECRET.encode(), text, hashlib.sha256).digest()).decode()
    return request.headers.get("x-hubspot-signature-v3") == expected


def age(request: Received) -> float:
    return time.time() - int(request.headers["x-hubspot-request-timestamp"]) / 1000


def event(request: Received) -> Any:
    return json.loads(request.body)


def open_thread(scene: Scene) -> str:
    return str(scene.publish(integrationThreadId="thread-1")["conversationsThreadId"])


def test_a_reply_is_posted_and_signed(scene: Scene, receiver: Receiver) -> None:
    thread_id = open_thread(scene)
    sent = scene.reply(thread_id, "Grüße", richText="<p>Grüße</p>")
    (request,) = receiver.wait(1)
    assert request.path == PATH
    assert is_signed(receiver, request)
    assert abs(age(request)) < 5
    assert "x-hubspot-signature" not in request.headers
    body = event(request)
    assert body.keys() == {
        "type", "portalId", "channelId", "eventTimestamp", "eventId", "channelIntegrationThreadIds", "message",
    }  # fmt: skip
    assert body["type"] == "OUTGOING_CHANNEL_MESSAGE_CREATED"
    assert body["portalId"] == seed.PORTAL_ID
    assert body["channelIntegrationThreadIds"] == ["thread-1"]
    assert body["message"] == scene.call("GET", f"{MESSAGES}/{sent['id']}").json()
    assert body["message"]["senders"][0]["name"] == seed.AGENT_NAME
    assert body["message"]["recipients"][0]["deliveryIdentifier"]["value"] == "u1"
    assert body["message"]["richText"] == "<p>Grüße</p>"


def test_refused_webhooks_come_again_with_a_fresh_signature(scene: Scene, receiver: Receiver) -> None:
    receiver.answers = [500, 503]
    scene.reply(open_thread(scene))
    requests = receiver.wait(3)
    assert len({request.body for request in requests}) == 1
    assert all(is_signed(receiver, request) for request in requests)
    eventually(lambda: scene.sim("GET", "/deliveries")["pending"] == 0)
    log = scene.sim("GET", "/deliveries?api=hubspot")["attempts"]
    assert [(one["number"], one["status"], one["outcome"]) for one in log] == [
        (1, 500, "retry"),
        (2, 503, "retry"),
        (3, 204, "done"),
    ]


@pytest.mark.parametrize("retries", [0, 2, 10])
def test_webhooks_are_given_up_after_the_retries_that_are_set(scene: Scene, receiver: Receiver, retries: int) -> None:
    scene.world.switch(webhook_retries=retries, webhook_time_scale=0)
    receiver.answers = [500] * 20
    scene.reply(open_thread(scene))
    eventually(lambda: scene.sim("GET", "/deliveries")["pending"] == 0)
    assert len(receiver.requests) == 1 + retries


def test_a_slow_receiver_counts_as_none(scene: Scene, receiver: Receiver) -> None:
    scene.world.switch(webhook_timeout=0.1, webhook_retries=0)
    receiver.pause = 0.4
    scene.reply(open_thread(scene))
    eventually(lambda: scene.sim("GET", "/deliveries")["pending"] == 0)
    assert scene.sim("GET", "/deliveries")["attempts"][0]["error"] == "TimeoutError"


@pytest.mark.parametrize("kind", ["wrong_secret", "no_signature", "reencoded_body"])
def test_signatures_can_be_wrong_once(scene: Scene, receiver: Receiver, kind: str) -> None:
    receiver.answers = [401]
    scene.fault(kind)
    scene.reply(open_thread(scene))
    bad, good = receiver.wait(2)
    assert not is_signed(receiver, bad)
    assert is_signed(receiver, good)


@pytest.mark.parametrize(("kind", "off"), [("stale_timestamp", 301), ("future_timestamp", -301)])
def test_timestamps_can_be_off(scene: Scene, receiver: Receiver, kind: str, off: int) -> None:
    scene.fault(kind)
    scene.reply(open_thread(scene))
    (request,) = receiver.wait(1)
    assert is_signed(receiver, request)
    assert abs(age(request) - off) < 5


def test_a_duplicate_has_the_same_body(scene: Scene, receiver: Receiver) -> None:
    scene.fault("duplicate")
    scene.reply(open_thread(scene))
    first, second = receiver.wait(2)
    assert first.body == second.body
    assert is_signed(receiver, first)
    assert is_signed(receiver, second)


def test_older_signatures_can_come_along(scene: Scene, receiver: Receiver) -> None:
    scene.world.switch(webhook_legacy_signature="v1")
    scene.reply(open_thread(scene))
    (request,) = receiver.wait(1)
    expected = hashlib.sha256(seed.CLIENT_SECRET.encode() + request.body).hexdigest()
    assert request.headers["x-hubspot-signature"] == expected
    assert request.headers["x-hubspot-signature-version"] == "v1"


def test_oddities_of_the_payload(scene: Scene, receiver: Receiver) -> None:
    scene.world.switch(
        webhook_array=True,
        webhook_status_form="string",
        webhook_identifier_form="string",
        webhook_attachments="when_any",
        webhook_sender_name=False,
        webhook_unknown_fields=True,
    )
    scene.reply(open_thread(scene))
    (body,) = event(receiver.wait(1)[0])
    message = body["message"]
    assert message["status"] == "SENT"
    assert message["senders"] == [{"actorId": seed.AGENT_ID, "deliveryIdentifier": "loopback-demo"}]
    assert "attachments" not in message
    assert "simulatedField" in body
    assert "simulatedField" in message


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("object", {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "loopback-demo"}),
        ("string", "loopback-demo"),
        ("absent", None),
    ],
)
def test_account_events(scene: Scene, receiver: Receiver, form: str, expected: object) -> None:
    scene.world.switch(webhook_account_identifier_form=form)
    scene.sim("POST", f"/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}/active", {"active": False})
    body = event(receiver.wait(1)[0])
    assert body["type"] == "CHANNEL_ACCOUNT_UPDATED"
    assert body["channelAccountId"] == seed.LOOPBACK_ACCOUNT_ID
    assert body.get("channelAccountDeliveryIdentifier") == expected
    scene.sim("POST", f"/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}/purge")
    assert event(receiver.wait(2)[1])["type"] == "CHANNEL_ACCOUNT_PURGED"


def test_conversation_subscriptions_are_arrays_at_their_own_address(scene: Scene, receiver: Receiver) -> None:
    scene.world.switch(conversation_events=True)
    thread_id = open_thread(scene)
    scene.sim("POST", f"/threads/{thread_id}/close")
    requests = receiver.wait(3)
    assert {request.path for request in requests} == {f"{PATH}/events"}
    assert all(is_signed(receiver, request) for request in requests)
    events = {event(request)[0]["subscriptionType"]: event(request)[0] for request in requests}
    assert events.keys() == {"conversation.creation", "conversation.newMessage", "conversation.propertyChange"}
    assert events["conversation.propertyChange"]["propertyValue"] == "CLOSED"
    assert events["conversation.creation"]["objectId"] == int(thread_id)


def test_any_event_can_be_injected(scene: Scene, receiver: Receiver) -> None:
    scene.sim("POST", "/events/inject", {"type": "SOMETHING_NEW", "portalId": "1"})
    (request,) = receiver.wait(1)
    assert event(request) == {"type": "SOMETHING_NEW", "portalId": "1"}
    assert is_signed(receiver, request)


def test_a_burst_of_replies(scene: Scene, receiver: Receiver) -> None:
    scene.reply(open_thread(scene), "No.", count=20)
    texts = {event(request)["message"]["text"] for request in receiver.wait(20)}
    assert texts == {f"No. {number}" for number in range(1, 21)}
