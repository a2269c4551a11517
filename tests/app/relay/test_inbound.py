"""What a customer writes, all the way into the inbox, through real HTTP on both sides."""

from __future__ import annotations

import base64

from tests.app.relay.world import RelayWorld, eventually


def test_what_a_customer_writes_arrives_in_the_inbox(relay: RelayWorld) -> None:
    relay.say("Is my order on its way?")
    with relay.working():
        message = eventually(relay.inbox)[0]
    assert message["text"] == "Is my order on its way?"
    assert message["direction"] == "INCOMING"
    assert message["senders"][0]["name"] == "Dana"


def test_a_picture_arrives_byte_for_byte(relay: RelayWorld) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
    upload = {"name": "a.png", "mime": "image/png", "base64": base64.b64encode(picture).decode()}
    relay.say("Look", attachments=[upload])
    with relay.working():
        message = eventually(relay.inbox)[0]
    assert message["text"] == "Look"
    assert relay.http.request("GET", relay.page + message["attachments"][0]["viewUrl"]).body == picture
