from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from app.simulator import seed
from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import Scene

PICTURE = {"name": "cat.png", "mime": "image/png", "base64": base64.b64encode(b"\x89PNG").decode()}


def thread(scene: Scene) -> str:
    return str(scene.publish()["conversationsThreadId"])


def limit(scene: Scene, **capabilities: Any) -> None:
    scene.world.hubspot.channels[seed.CHANNEL_ID].capabilities.update(capabilities)


@pytest.mark.parametrize(
    ("capabilities", "reply", "said"),
    [
        ({}, {"text": " "}, "Write something"),
        ({"allowOutgoingMessages": False}, {"text": "x"}, "does not allow replies"),
        (
            {"allowInlineImages": False},
            {"text": "x", "richText": '<p>x<img src="https://x.example/a.png"></p>'},
            "pictures within the text",
        ),
        ({"outgoingAttachmentTypes": []}, {"attachments": [PICTURE]}, "of type FILE"),
        ({"maxFileAttachmentCount": 1}, {"attachments": [PICTURE, PICTURE]}, "1 file(s)"),
        ({"maxFileAttachmentSizeBytes": 3}, {"attachments": [PICTURE]}, "cat.png is larger"),
        ({"maxTotalFileAttachmentSizeBytes": 3}, {"attachments": [PICTURE]}, "for one message"),
        ({"allowedFileAttachmentMimeTypes": ["audio/*"]}, {"attachments": [PICTURE]}, "image/png"),
        ({}, {"attachments": [{**PICTURE, "base64": "?"}]}, "base64"),
        ({}, {"attachments": [{"fileId": "9"}]}, "File 9 not found"),
    ],
)
def test_the_composer_keeps_the_channels_limits(
    scene: Scene, capabilities: dict[str, Any], reply: dict[str, Any], said: str
) -> None:
    thread_id = thread(scene)
    limit(scene, **capabilities)
    answer = scene.client.post(f"/_sim/threads/{thread_id}/reply", json=reply)
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert len(scene.world.hubspot.messages) == 1


@pytest.mark.parametrize(("form", "status"), [("public", 200), ("private", 404), ("missing", None)])
def test_the_address_of_an_agents_attachment(scene: Scene, receiver: Receiver, form: str, status: int | None) -> None:
    scene.world.switch(attachment_url=form)
    scene.reply(thread(scene), "", attachments=[PICTURE])
    (attachment,) = json.loads(receiver.wait(1)[0].body)["message"]["attachments"]
    assert (attachment["type"], attachment["fileUsageType"], attachment["name"]) == ("FILE", "IMAGE", "cat.png")
    assert ("url" in attachment) is (status is not None)
    if status is not None:
        assert scene.client.get(attachment["url"]).status_code == status
    signed = scene.call("GET", f"/files/2026-03/files/{attachment['fileId']}/signed-url").json()
    assert scene.client.get(signed["url"]).content == b"\x89PNG"


def test_quick_replies_go_out(scene: Scene, receiver: Receiver) -> None:
    buttons = {"type": "QUICK_REPLIES", "quickReplies": [{"value": "yes", "valueType": "TEXT"}]}
    scene.reply(thread(scene), "Sure?", attachments=[buttons])
    (attachment,) = json.loads(receiver.wait(1)[0].body)["message"]["attachments"]
    assert attachment["quickReplies"] == buttons["quickReplies"]
    assert attachment.keys() >= {"allowMultiSelect", "allowUserInput"}


def test_a_reply_reopens_a_closed_thread(scene: Scene) -> None:
    thread_id = thread(scene)
    scene.sim("POST", f"/threads/{thread_id}/close")
    scene.reply(thread_id)
    assert scene.sim("GET", "/threads")[0]["status"] == "OPEN"


def test_nothing_goes_out_through_an_account_that_was_removed(scene: Scene) -> None:
    thread_id = thread(scene)
    scene.sim("POST", f"/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}/purge")
    answer = scene.client.post(f"/_sim/threads/{thread_id}/reply", json={"text": "x"})
    assert answer.status_code == 400
    assert "removed" in answer.json()["message"]


def test_agents_answer_in_many_threads_at_once(scene: Scene, receiver: Receiver) -> None:
    thread_id = thread(scene)
    sent = scene.sim("POST", "/replies", [{"thread": thread_id, "text": text} for text in ("One", "Two")])
    assert {json.loads(one.body)["message"]["text"] for one in receiver.wait(2)} == {"One", "Two"}
    seen = scene.sim("GET", f"/threads/{thread_id}/messages")
    assert [(one["id"], one["text"], one["arrival"]) for one in seen if one["direction"] == "OUTGOING"] == [
        (sent[0]["id"], "One", 1),
        (sent[1]["id"], "Two", 2),
    ]
    refused = scene.client.post("/_sim/replies", json=[{"thread": "9", "text": "Three"}])
    assert refused.status_code == 404


def test_an_agent_sends_places_and_contact_cards_where_hubspot_has_them(scene: Scene, receiver: Receiver) -> None:
    place = {"type": "LOCATION", "latitude": 48.2, "longitude": 16.4, "name": "Market"}
    arrays = {"addresses": [], "emails": [], "phones": [{"phone": "+431234567"}], "urls": []}
    card = {"type": "CONTACT", "contactProfile": {**arrays, "name": {"firstName": "Alex"}}}
    scene.reply(thread(scene), "", attachments=[place, card])
    assert json.loads(receiver.wait(1)[0].body)["message"]["attachments"] == [place, card]
    for wrong in ({**place, "latitude": "north"}, {"type": "CONTACT", "contactProfile": {"phones": []}}):
        refused = scene.client.post(f"/_sim/threads/{thread(scene)}/reply", json={"text": "", "attachments": [wrong]})
        assert refused.status_code == 400
    scene.world.switch(agent_places=False)
    refused = scene.client.post(f"/_sim/threads/{thread(scene)}/reply", json={"text": "", "attachments": [place]})
    assert "of type LOCATION" in refused.json()["message"]


def test_an_agents_recording_is_called_one(scene: Scene, receiver: Receiver) -> None:
    voice = {"name": "note.mp3", "mime": "audio/mpeg", "base64": "SUQz", "fileUsageType": "VOICE_RECORDING"}
    scene.reply(thread(scene), "", attachments=[voice])
    (attachment,) = json.loads(receiver.wait(1)[0].body)["message"]["attachments"]
    assert attachment["fileUsageType"] == "VOICE_RECORDING"
    wrong = {"text": "", "attachments": [{**voice, "fileUsageType": "SONG"}]}
    assert scene.client.post(f"/_sim/threads/{thread(scene)}/reply", json=wrong).status_code == 400


def test_a_picture_within_the_text_lies_in_the_file_manager(scene: Scene) -> None:
    scene.world.switch(attachment_url="private")
    kept = scene.sim("POST", "/files", {"name": "cat.png", "mime": "image/png", "base64": "UE5H"})
    scene.reply(thread(scene), "Look", richText=f'<p>Look <img src="{kept["url"]}"></p>')
    line = scene.sim("GET", f"/threads/{thread(scene)}/messages")[-1]
    assert (line["richText"], line["viewRichText"]) == (
        f'<p>Look <img src="{kept["url"]}"></p>',
        f'<p>Look <img src="{kept["viewUrl"]}"></p>',
    )
    # Whoever reads the text sees its pictures, though attachments are private.
    assert [scene.client.get(kept[name]).content for name in ("url", "viewUrl")] == [b"PNG", b"PNG"]
