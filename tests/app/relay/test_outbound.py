"""What an agent answers, all the way to the customer and back as a status, through real HTTP on both sides."""

from __future__ import annotations

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


def test_fifty_messages_keep_their_order(relay: RelayWorld) -> None:
    for number in range(50):
        relay.say(f"{number}")
    with relay.working():
        eventually(lambda: len(relay.inbox()) == 50, within=45)
    received = sorted(relay.inbox(), key=lambda one: one["receivedAt"])
    assert [one["text"] for one in received] == [str(number) for number in range(50)]
