"""What an agent answers, all the way to the customer and back as a status, through real HTTP on both sides."""

from __future__ import annotations

from typing import Any

from tests.app.relay.world import RelayWorld, eventually


def test_an_answer_arrives_at_the_customer_and_is_told_as_sent(relay: RelayWorld) -> None:
    relay.say("Hello?")
    with relay.working():
        thread = eventually(relay.threads)[0]["id"]
        answer = relay.reply(thread, "Hello Dana")
        eventually(lambda: [one for one in relay.customer_sees() if one["text"] == "Hello Dana"])
        eventually(lambda: relay.patches_of(answer))
    assert relay.status_of(answer) == ("SENT", "")


def test_reading_is_told_as_read(relay: RelayWorld) -> None:
    relay.say("Hello?")
    with relay.working():
        answer = relay.reply(eventually(relay.threads)[0]["id"], "Hello Dana")
        eventually(lambda: [one for one in relay.customer_sees() if one["text"] == "Hello Dana"])
        relay.call("POST", "/_sim/loopback/read", {"account": "demo", "conversation": "c1"})
        eventually(lambda: relay.status_of(answer)[0] == "READ")


def test_a_blocked_answer_is_told_as_failed_with_its_sentence(relay: RelayWorld) -> None:
    relay.say("Hello?")
    with relay.working():
        thread = eventually(relay.threads)[0]["id"]
        relay.call("POST", "/_sim/loopback/block", {"account": "demo", "conversation": "c1"})
        answer = relay.reply(thread, "Still there?")
        eventually(lambda: relay.status_of(answer)[0] == "FAILED")
    assert "block" in relay.status_of(answer)[1].lower()


def test_addresses_and_choices_reach_a_service_that_has_neither_links_nor_such_buttons(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    no = "no, it is another one that looks like this one"
    replies = [{"value": "yes", "valueType": "TEXT", "label": "Yes"}, {"value": no, "valueType": "TEXT"}]
    reply = {
        "text": "Is this it?",
        "richText": '<p>Is <a href="https://shop.example/7">this</a> <strong>it</strong>?</p>',
        "attachments": [{"type": "QUICK_REPLIES", "quickReplies": replies}],
    }
    relay.call("POST", f"/_sim/threads/{thread}/reply", reply)
    relay.settle()
    assert relay.heard() == [f"Is this (https://shop.example/7) it?\n1. Yes\n2. {no}"]


def test_fifty_messages_keep_their_order(relay: RelayWorld) -> None:
    for number in range(50):
        relay.say(f"{number}")
    with relay.working():
        eventually(lambda: len(relay.inbox()) == 50, within=45)
    received = sorted(relay.inbox(), key=lambda one: one["receivedAt"])
    assert [one["text"] for one in received] == [str(number) for number in range(50)]


def quoted_by(relay: RelayWorld, text: str) -> Any:
    """The customer's message that an answer quotes."""
    return next(one["reply_to"] for one in relay.customer_sees() if one["text"].startswith(text))


def test_an_answer_to_a_message_quotes_it_at_the_service(light_relay: RelayWorld) -> None:
    thread = light_relay.conversation()
    asked = light_relay.inbox()[0]["id"]
    light_relay.reply(thread, "Yes", inReplyTo=asked)
    light_relay.reply(thread, "No quote")
    light_relay.reply(thread, "What of?", inReplyTo="0" * 32)
    light_relay.settle()
    assert quoted_by(light_relay, "Yes") == light_relay.customer_sees()[0]["id"]
    assert quoted_by(light_relay, "No quote") is quoted_by(light_relay, "What of?") is None


def test_an_answer_to_an_answer_in_several_parts_quotes_the_first(light_relay: RelayWorld) -> None:
    answer = light_relay.answered("word " * 1_000)
    first = next(one["id"] for one in light_relay.customer_sees() if not one["mine"])
    light_relay.reply(light_relay.threads()[0]["id"], "more " * 1_000, inReplyTo=answer)
    light_relay.settle()
    quotes = [one["reply_to"] for one in light_relay.customer_sees() if one["text"].startswith("more")]
    assert quotes == [first, None]


def test_after_a_merge_no_message_of_the_other_conversation_is_quoted(light_relay: RelayWorld) -> None:
    for conversation in ("c1", "c2"):
        light_relay.say(f"I am {conversation}", conversation)
        light_relay.settle()
    thread_of = {one["text"]: one["conversationsThreadId"] for one in light_relay.inbox()}
    other = next(one["id"] for one in light_relay.inbox() if one["text"] == "I am c2")
    light_relay.call("POST", f"/_sim/threads/{thread_of['I am c2']}/merge", {"into": thread_of["I am c1"]})
    light_relay.reply(thread_of["I am c1"], "Yes", inReplyTo=other)
    light_relay.settle()
    assert quoted_by(light_relay, "Yes") is None
