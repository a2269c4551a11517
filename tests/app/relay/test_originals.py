from __future__ import annotations

import base64

from app.simulator.faults import Api, FaultKind
from tests.app.media.making import picture
from tests.app.relay.world import RelayWorld

LONG = "A long story. " * 40 + "The end."


def reply(relay: RelayWorld, text: str = LONG) -> str:
    """An agent answers; the event carries the first 200 characters."""
    return reply_to(relay, relay.conversation(), text)


def reply_to(relay: RelayWorld, thread: str, text: str = LONG) -> str:
    """The same in a conversation that is there."""
    return relay.reply(thread, text, truncated=True)


def test_a_message_that_came_cut_is_sent_whole(relay: RelayWorld) -> None:
    answer = reply(relay)
    relay.settle()
    assert relay.heard() == [LONG]
    assert relay.status_of(answer) == ("SENT", "")


def test_the_cut_text_is_never_sent_while_the_whole_cannot_be_had(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/original-content", status=503)
    reply(relay)
    relay.settle()
    assert relay.heard() == []
    assert (relay.rows("outbound")[0].status, relay.rows("outbound")[0].reason) == ("pending", "hubspot_unavailable")
    relay.pass_time(3)
    relay.settle()
    assert relay.heard() == [LONG]


def test_a_whole_that_hubspot_does_not_give_fails_the_message_with_a_sentence(light_relay: RelayWorld) -> None:
    relay = light_relay
    answer = reply(relay)
    with relay.world.lock:
        cut = relay.world.hubspot.messages[answer]
        cut.text, cut.original_text = "", None
    relay.settle()
    assert relay.heard() == []
    status, sentence = relay.status_of(answer)
    assert (status, "send it again in pieces" in sentence) == ("FAILED", True)


def test_a_message_that_hubspot_has_no_more_fails(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/original-content", status=404)
    reply(relay)
    relay.settle()
    assert relay.heard() == []
    assert relay.rows("outbound")[0].status == "failed"


def test_a_picture_in_the_rest_of_the_text_is_sent_too(light_relay: RelayWorld) -> None:
    """The event's beginning did not show it."""
    relay, shot = light_relay, picture("PNG")
    thread = relay.conversation()
    file = {"name": "a.png", "mime": "image/png", "base64": base64.b64encode(shot).decode()}
    relay.reply(thread, "first", attachments=[file])
    [address] = [one["url"] for one in relay.agent_sees(thread)[-1]["attachments"]]
    answer = reply_to(relay, thread)
    with relay.world.lock:
        cut = relay.world.hubspot.messages[answer]
        cut.rich_text = f'<p>{LONG}</p><img src="{address}">'
    relay.settle()
    last = [one for one in relay.customer_sees() if not one["mine"]][-1]
    assert last["text"] == LONG
    assert [one["kind"] for one in last["attachments"]] == ["image"]
