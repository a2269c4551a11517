"""Edits, deletions and reactions, as the agent reads them and what they quote."""

from __future__ import annotations

import pytest

from tests.app.relay.bot import Bot
from tests.app.relay.world import RelayWorld


@pytest.fixture
def bot(light_relay: RelayWorld) -> Bot:
    return Bot(light_relay)


def last(bot: Bot) -> tuple[str, str | None]:
    """What the agent read last, and the text of the message that it quotes."""
    bot.settle()
    inbox = bot.inbox()
    by_id = {one["id"]: one["text"] for one in inbox}
    return inbox[-1]["text"], by_id.get(inbox[-1].get("inReplyToId"))


def test_an_edit_shows_the_text_before_and_after_and_quotes_the_message(bot: Bot) -> None:
    number = bot.say("Two chairs, please")
    bot.settle()
    bot.send("edited_message", message_id=number, text="Three chairs, please")
    note = "[edited] before: Two chairs, please\nafter: Three chairs, please"
    assert last(bot) == (note, "Two chairs, please")
    bot.send("edited_message", message_id=number, text="No chairs")
    note = "[edited] before: Three chairs, please\nafter: No chairs"
    assert last(bot) == (note, "Two chairs, please")


def test_the_text_before_a_long_edit_is_cut_and_the_new_one_is_whole(bot: Bot) -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    number = bot.say(family * 600)
    bot.settle()
    bot.send("edited_message", message_id=number, text="x" * 4_000)
    text, _ = last(bot)
    assert text == f"[edited] before: {family * 500}…\nafter: {'x' * 4_000}"


def test_an_edit_of_what_is_not_known_says_what_it_says_now(bot: Bot) -> None:
    bot.send("raw", update={"edited_message": {**bot.frame(77), "edit_date": 1_789_000_100, "text": "Better"}})
    assert last(bot) == ("[edited] Better", None)


def test_formatting_stays_in_the_new_text(bot: Bot) -> None:
    number = bot.say("plain")
    bot.settle()
    bold = [{"type": "bold", "offset": 0, "length": 4}]
    edited = {**bot.frame(number), "edit_date": 1_789_000_100, "text": "bold", "entities": bold}
    bot.send("raw", update={"edited_message": edited})
    last(bot)
    assert bot.inbox()[-1]["richText"] == "<p>[edited] before: plain<br>after: <strong>bold</strong></p>"


def test_reactions_to_both_sides_and_taken_back(bot: Bot) -> None:
    number = bot.say("It arrived, and it is even nicer than on the pictures that you had sent me last Friday afternoon")
    bot.settle()
    bot.react(number, new="❤")
    words = "“It arrived, and it is even nicer than on the pictures that you had sent me last…”"
    assert last(bot)[0] == f"❤ to: {words}"
    bot.relay.reply(bot.thread(), "Glad to hear")
    bot.settle()
    bot.react(bot.sees()[-1]["message_id"], new="👍")
    assert last(bot) == ("👍 to: “Glad to hear”", "Glad to hear")
    bot.react(bot.sees()[-1]["message_id"], old="👍")
    assert last(bot) == ("took back 👍 from: “Glad to hear”", "Glad to hear")


def test_a_reaction_to_what_has_no_text_or_is_not_known(bot: Bot) -> None:
    place = bot.send("location")
    bot.settle()
    bot.react(place["message_id"], new="👍")
    assert last(bot)[0] == "👍 to: [location]"
    bot.react(999, new="👍")
    assert last(bot) == ("👍 to an earlier message", None)


def test_a_deletion_quotes_the_beginning(bot: Bot) -> None:
    bot.say_in_business(5, "My card number is 1234")
    bot.settle()
    bot.delete(5, 6)
    assert last(bot) == ("[deleted] an earlier message", None)
    assert bot.texts()[-2] == "[deleted] “My card number is 1234”"
    assert bot.inbox()[-2]["inReplyToId"] == bot.inbox()[0]["id"]


@pytest.mark.parametrize("option", ["edits", "deletions", "reactions"])
def test_what_is_switched_off_is_neither_shown_nor_stored(bot: Bot, option: str) -> None:
    bot.switch(**{option: False})
    bot.say_in_business(5, "Hello")
    edited = {**bot.frame(5), "business_connection_id": "business-1", "edit_date": 1_789_000_100, "text": "Hi"}
    bot.send("raw", update={"edited_business_message": edited})
    bot.delete(5)
    number = bot.say("Hello again")
    bot.react(number, new="👍")
    bot.settle()
    kinds = {"edits": "edit", "deletions": "deletion", "reactions": "reaction"}
    assert {one.kind for one in bot.relay.rows()} == {"message", *kinds.values()} - {kinds[option]}


def test_an_edit_of_what_has_no_text_says_what_it_has(bot: Bot) -> None:
    point = {"latitude": 53.5, "longitude": 9.9}
    bot.message(5, location=point)
    bot.settle()
    bot.send("raw", update={"edited_message": {**bot.frame(5), "edit_date": 1_789_000_100, "location": point}})
    assert last(bot)[0] == "[edited] [location]"
    bot.send("raw", update={"edited_message": {**bot.frame(5), "edit_date": 1_789_000_200, "text": "It moved"}})
    assert last(bot)[0] == "[edited] before: [location]\nafter: It moved"
