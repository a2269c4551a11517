"""Who speaks in a conversation of several people."""

from __future__ import annotations

from app.relay import options
from tests.app.relay.bot import CUSTOMER, Bot
from tests.app.relay.world import RelayWorld, incoming


def test_in_groups_the_speaker_stands_in_front_where_that_is_switched_on(light_relay: RelayWorld) -> None:
    bot = Bot(light_relay)
    bot.open_chat(-5, type="group", title="Team", users=[{"id": 7, "first_name": "Robin"}])
    bot.say("Hello", chat=-5)
    bot.settle()
    bot.switch(speakers=True)
    bot.say("Hello", chat=-5, user=7)
    bold = [{"type": "bold", "offset": 0, "length": 5}]
    bot.say("Hello", chat=-5, user=CUSTOMER, entities=bold)
    bot.say("Alone")
    bot.settle()
    texts = bot.texts()  # of two conversations, which nobody promises an order
    assert [one for one in texts if one != "Alone"] == ["Hello", "Robin: Hello", "Dana Roe: Hello"]
    assert "Alone" in texts
    [formatted] = [one["richText"] for one in bot.inbox() if one["text"] == "Dana Roe: Hello"]
    assert formatted == "<p>Dana Roe: <strong>Hello</strong></p>"


def test_whoever_shares_a_conversation_is_named_though_its_service_knows_no_groups(light_relay: RelayWorld) -> None:
    relay = light_relay
    options.switch(relay.services, relay.account.id, {"speakers": True})
    for number, sender in enumerate([{"id": "u1", "name": "Dana"}, {"id": "u2"}, {"id": "u1", "name": "Dana"}]):
        relay.from_loopback({"id": f"d{number}", "events": [incoming(f"m{number}", f"m{number}", sender=sender)]})
        relay.settle()
    assert relay.texts() == ["m0", "u2: m1", "Dana: m2"]
