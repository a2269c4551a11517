"""What a customer writes, all the way into the inbox, through real HTTP on both sides."""

from __future__ import annotations

import base64

import pytest

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


def test_a_quote_of_any_part_of_an_answer_is_a_quote_of_the_answer(light_relay: RelayWorld) -> None:
    answer = light_relay.answered("word " * 1_000)
    parts = [one for one in light_relay.customer_sees() if not one["mine"]]
    for number, part in enumerate(parts):
        light_relay.say(f"about {number}", reply_to=part["id"])
        light_relay.settle()
    quotes = {one["text"]: one.get("inReplyToId") for one in light_relay.inbox()}
    assert [quotes["about 0"], quotes["about 1"], quotes["Hello?"]] == [answer, answer, None]


@pytest.mark.parametrize("answer", ["ignore", "400"])
def test_a_quote_of_what_was_deleted_takes_no_message_with_it(light_relay: RelayWorld, answer: str) -> None:
    light_relay.world.switch(unknown_reply_answer=answer)
    light_relay.answered()
    quoted = light_relay.customer_sees()[-1]["id"]
    light_relay.world.hubspot.messages.clear()
    light_relay.say("About that", reply_to=quoted)
    light_relay.settle()
    assert light_relay.texts()[-1] == "About that"


def test_a_picture_arrives_byte_for_byte(relay: RelayWorld) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
    upload = {"name": "a.png", "mime": "image/png", "base64": base64.b64encode(picture).decode()}
    relay.say("Look", attachments=[upload])
    with relay.working():
        message = eventually(relay.inbox)[0]
    assert message["text"] == "Look"
    assert relay.http.request("GET", relay.page + message["attachments"][0]["viewUrl"]).body == picture
