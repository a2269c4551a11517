from __future__ import annotations

from typing import Any

import pytest

from app.simulator import seed
from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import CHANNELS, MESSAGES, OPAQUE, Scene, message, person

VERSIONS = [
    "/conversations/v3/custom-channels",
    "/conversations/custom-channels/v3",
    "/conversations/custom-channels/2025-09",
    "/conversations/custom-channels/2026-03",
    "/conversations/custom-channels/2026-09",
]


@pytest.mark.parametrize("base", VERSIONS)
def test_every_version_works_on_one_state(scene: Scene, base: str) -> None:
    path = f"{base}/{seed.CHANNEL_ID}/messages"
    response = scene.call("POST", path, message())
    assert response.status_code == 201
    assert response.headers["Location"] == f"{path}/{response.json()['id']}"
    assert response.headers["Content-Type"] == "application/json;charset=utf-8"
    assert scene.call("GET", f"{MESSAGES}/{response.json()['id']}").json() == response.json()


def test_the_answer_has_the_documented_fields(scene: Scene) -> None:
    published = scene.publish("Hi", integrationIdempotencyId="i")
    assert published.keys() == {
        "type", "id", "conversationsThreadId", "createdAt", "createdBy", "client", "senders", "recipients",
        "archived", "text", "attachments", "truncationStatus", "direction", "channelId", "channelAccountId", "status",
    }  # fmt: skip
    assert published["createdAt"] == "2026-09-14T08:15:30.120Z"
    assert published["status"] == {"statusType": "RECEIVED"}
    assert published["client"] == {"clientType": "INTEGRATION", "integrationAppId": seed.APP_ID}
    assert len(published["id"]) == 32


def test_fields_that_live_code_leaves_out_may_be_absent(scene: Scene) -> None:
    scene.publish(recipients=None, attachments=None, timestamp=None)
    scene.world.switch(publish_strict=True)
    refused = scene.call("POST", MESSAGES, message(recipients=None))
    assert refused.status_code == 400
    assert "[recipients]" in refused.json()["message"]
    scene.publish()


@pytest.mark.parametrize(
    ("policy", "kept"), [("keep", "<p><s>a</s> <strong>b</strong></p>"), ("strip", "<p>a <strong>b</strong></p>")]
)
def test_formatting_that_the_composer_does_not_know(scene: Scene, policy: str, kept: str) -> None:
    scene.world.switch(rich_text_tags=policy)
    assert scene.publish("a b", richText="<p><s>a</s> <strong>b</strong></p>")["richText"] == kept


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channelAccountId": None}, "required attributes are not set [channelAccountId]"),
        ({"senders": None, "text": None}, "[text, senders]"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"messageDirection": "SIDEWAYS"}, "messageDirection"),
        ({"senders": [{"deliveryIdentifier": "u1"}]}, "deliveryIdentifier"),
        ({"senders": []}, "sender"),
        ({"senders": [person(" ")]}, OPAQUE),
        ({"senders": [person("dana", kind="HS_EMAIL_ADDRESS")]}, "HS_EMAIL_ADDRESS"),
        ({"senders": [person("12", kind="HS_PHONE_NUMBER")]}, "HS_PHONE_NUMBER"),
        ({"text": "  "}, "text must not be empty"),
        ({"attachments": [{"type": "HOLOGRAM"}]}, "HOLOGRAM"),
        ({"attachments": [{"type": "FILE"}]}, "[fileId]"),
        ({"attachments": [{"type": "FILE", "fileId": "404"}]}, "File 404 not found"),
        ({"attachments": [{"type": "LOCATION", "latitude": 1}]}, "[longitude]"),
    ],
)
def test_what_cannot_be_read_is_refused(scene: Scene, change: dict[str, Any], said: str) -> None:
    response = scene.call("POST", MESSAGES, message(**change))
    assert response.status_code == 400
    assert said in response.json()["message"]
    assert scene.world.hubspot.messages == {}


def test_malformed_json_is_told_with_its_place(scene: Scene) -> None:
    response = scene.call("POST", MESSAGES, content=b'{"text":\n oops}')
    assert response.status_code == 400
    assert response.json()["message"].startswith("Invalid input JSON on line 2, column 2:")


def test_unknown_fields_are_ignored(scene: Scene) -> None:
    scene.publish(type="MESSAGE", somethingNew={"a": 1})


def test_every_kind_of_attachment_is_kept(scene: Scene) -> None:
    profile = {"addresses": [], "emails": [{"email": "d@example.com"}], "phones": [], "urls": []}
    attachments: list[dict[str, Any]] = [
        {"type": "LOCATION", "latitude": 1.5, "longitude": 2.5, "name": "Here"},
        {"type": "CONTACT", "contactProfile": profile},
        {"type": "QUICK_REPLIES", "quickReplies": [{"value": "y", "valueType": "TEXT"}]},
        {"type": "SOCIAL_MEDIA_METADATA", "socialMetadata": {"mediaType": "STORY", "mediaUrl": "https://example.com"}},
        {"type": "MESSAGE_HEADER", "text": "Title"},
        {"type": "UNSUPPORTED_CONTENT"},
    ]
    kept = scene.publish("", attachments=attachments)["attachments"]
    assert [item["type"] for item in kept] == [item["type"] for item in attachments]
    assert kept[0] == attachments[0]
    assert kept[3] == attachments[3]


@pytest.mark.parametrize(
    ("policy", "status"),
    [("return_existing", 201), ("conflict", 409)],
)
def test_an_idempotency_id_never_makes_a_second_message(scene: Scene, policy: str, status: int) -> None:
    scene.world.switch(duplicate_policy=policy)
    first = scene.publish("Once", integrationIdempotencyId="same")
    again = scene.call("POST", MESSAGES, message("Twice", integrationIdempotencyId="same"))
    assert again.status_code == status
    if status == 201:
        assert again.json() == first
    assert len(scene.world.hubspot.messages) == 1


def test_another_account_may_use_the_same_idempotency_id(scene: Scene) -> None:
    scene.publish(integrationIdempotencyId="same")
    other = scene.publish(integrationIdempotencyId="same", channelAccountId=seed.TELEGRAM_ACCOUNT_ID)
    assert len(scene.world.hubspot.messages) == 2
    assert other["channelAccountId"] == seed.TELEGRAM_ACCOUNT_ID


@pytest.mark.parametrize(("answer", "status"), [("400", 400), ("404", 404), ("accept", 201)])
@pytest.mark.parametrize("flag", ["active", "authorized"])
def test_an_account_that_is_off(scene: Scene, flag: str, answer: str, status: int) -> None:
    scene.world.switch(inactive_account_answer=answer)
    setattr(scene.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID], flag, False)
    assert scene.call("POST", MESSAGES, message()).status_code == status


def test_unknown_channels_and_accounts(scene: Scene) -> None:
    channel = scene.call("POST", f"{CHANNELS}/77/messages", message())
    assert channel.status_code == 404
    assert channel.json()["subCategory"] == "ChannelIntegrationMessagePublishError.CHANNEL_DOES_NOT_EXIST"
    assert channel.json()["context"] == {"channelId": ["77"]}
    assert scene.call("POST", MESSAGES, message(channelAccountId="77")).status_code == 404
    word = scene.call("POST", f"{CHANNELS}/abc/messages", message())
    assert word.status_code == 400
    assert word.json()["message"] == "Unable to parse value for path parameter: channelId"


@pytest.mark.parametrize(
    ("patches", "ends"),
    [
        (["SENT", "READ"], "READ"),
        (["FAILED", "SENT"], "SENT"),
        (["READ", "SENT"], "READ"),
        (["READ", "FAILED"], "READ"),
        (["SENT", "FAILED"], "FAILED"),
    ],
)
def test_statuses_move_forward(scene: Scene, patches: list[str], ends: str) -> None:
    sent = scene.reply(scene.publish()["conversationsThreadId"])
    path = f"{MESSAGES}/{sent['id']}"
    answers = [scene.call("PATCH", path, {"statusType": status, "errorMessage": "Blocked."}) for status in patches]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].json()["status"]["statusType"] == ends
    shown = scene.sim("GET", f"/threads/{sent['conversationsThreadId']}/messages")[-1]
    assert shown["statusPatches"] == patches
    assert shown["failure"] == ("Blocked." if ends == "FAILED" else None)


def test_statuses_going_backwards_can_be_refused(scene: Scene) -> None:
    scene.world.switch(status_regression="400")
    sent = scene.reply(scene.publish()["conversationsThreadId"])
    assert scene.call("PATCH", f"{MESSAGES}/{sent['id']}", {"statusType": "READ"}).status_code == 200
    assert scene.call("PATCH", f"{MESSAGES}/{sent['id']}", {"statusType": "SENT"}).status_code == 400


def test_statuses_that_cannot_be_set(scene: Scene) -> None:
    published = scene.publish()
    path = f"{MESSAGES}/{published['id']}"
    assert scene.call("PATCH", path, {"statusType": "READ"}).status_code == 400
    scene.world.switch(incoming_status_answer="accept")
    assert scene.call("PATCH", path, {"statusType": "READ"}).status_code == 200
    assert scene.call("PATCH", path, {"statusType": "RECEIVED"}).status_code == 400
    assert scene.call("PATCH", path, {}).status_code == 400
    assert scene.call("PATCH", f"{MESSAGES}/unknown", {"statusType": "READ"}).status_code == 404


def test_untouched_statuses_are_reported(scene: Scene) -> None:
    thread_id = scene.publish()["conversationsThreadId"]
    told, untold = scene.reply(thread_id), scene.reply(thread_id)
    scene.call("PATCH", f"{MESSAGES}/{told['id']}", {"statusType": "SENT"})
    assert scene.sim("GET", "/assertions")["untouched_statuses"] == [untold["id"]]


@pytest.mark.parametrize("echo", [False, True])
def test_outgoing_messages_of_ours_come_back_only_when_switched_on(
    scene: Scene, receiver: Receiver, *, echo: bool
) -> None:
    scene.world.switch(echo_outgoing=echo)
    sides = {"senders": [person("loopback-demo")], "recipients": [person()]}
    published = scene.publish("From the phone", messageDirection="OUTGOING", **sides)
    assert published["status"] == {"statusType": "SENT"}
    scene.reply(published["conversationsThreadId"], "marker")
    events = receiver.wait(1 + echo)
    assert len(events) == 1 + echo


def test_an_agent_can_be_named_since_2026_03(scene: Scene) -> None:
    sender = {**person("loopback-demo"), "senderActorId": seed.AGENT_ID}
    body = message(messageDirection="OUTGOING", senders=[sender], recipients=[person()])
    assert scene.call("POST", MESSAGES, body).json()["createdBy"] == seed.AGENT_ID
    older = scene.call("POST", f"/conversations/custom-channels/2025-09/{seed.CHANNEL_ID}/messages", body)
    assert older.json()["createdBy"] == f"I-{seed.APP_ID}"
    sender["senderActorId"] = "A-999"
    assert "SENDER_AGENT_NOT_FOUND" in scene.call("POST", MESSAGES, body).text


def test_a_message_that_is_forgotten_was_answered_as_stored(scene: Scene) -> None:
    scene.fault("forget", path="/messages$")
    first = scene.publish(integrationIdempotencyId="key-1")
    assert scene.call("GET", f"{MESSAGES}/{first['id']}").status_code == 404
    again = scene.publish(integrationIdempotencyId="key-1")
    assert again["id"] != first["id"]
    assert again["conversationsThreadId"] == first["conversationsThreadId"]
    assert scene.call("GET", f"{MESSAGES}/{again['id']}").status_code == 200
