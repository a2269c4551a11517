"""What a customer writes, all the way into the inbox, through real HTTP on both sides."""

from __future__ import annotations

import base64

from tests.app.relay.world import RelayWorld, eventually, incoming


def test_what_a_customer_writes_arrives_in_the_inbox(relay: RelayWorld) -> None:
    relay.say("Is my order on its way?")
    with relay.working():
        message = eventually(relay.inbox)[0]
    assert message["text"] == "Is my order on its way?"
    assert message["direction"] == "INCOMING"
    assert message["senders"][0]["name"] == "Dana"


def told_times(relay: RelayWorld) -> list[str]:
    return [one["createdAt"] for one in sorted(relay.inbox(), key=lambda one: one["receivedAt"])]


def test_messages_of_the_same_second_get_rising_times(relay: RelayWorld) -> None:
    second = "2026-09-14T08:15:30.000Z"
    for number in range(3):
        relay.from_loopback({"id": f"d{number}", "events": [incoming(f"m{number}", f"m{number}", time=second)]})
    relay.settle()
    assert relay.texts() == ["m0", "m1", "m2"]
    assert told_times(relay) == [f"2026-09-14T08:15:30.00{number}Z" for number in range(3)]


def test_what_comes_late_keeps_its_own_time(light_relay: RelayWorld) -> None:
    for name, at in (("later", "2026-09-14T08:15:30.000Z"), ("earlier", "2026-09-14T07:00:00.000Z")):
        light_relay.from_loopback({"id": name, "events": [incoming(name, name, time=at)]})
        light_relay.settle()
    assert light_relay.texts() == ["later", "earlier"]
    assert told_times(light_relay) == ["2026-09-14T08:15:30.000Z", "2026-09-14T07:00:00.000Z"]


def test_a_picture_arrives_byte_for_byte(relay: RelayWorld) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
    upload = {"name": "a.png", "mime": "image/png", "base64": base64.b64encode(picture).decode()}
    relay.say("Look", attachments=[upload])
    with relay.working():
        message = eventually(relay.inbox)[0]
    assert message["text"] == "Look"
    assert relay.http.request("GET", relay.page + message["attachments"][0]["viewUrl"]).body == picture
