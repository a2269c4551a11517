"""Replies that quote a message, in both directions."""

from __future__ import annotations

import pytest

from tests.app.relay.bot import Bot
from tests.app.relay.world import RelayWorld


@pytest.fixture
def bot(light_relay: RelayWorld) -> Bot:
    return Bot(light_relay)


def quoted(bot: Bot, text: str) -> str | None:
    """The text of the message that the one with this text quotes, as the agent sees it."""
    inbox = bot.inbox()
    by_id = {one["id"]: one["text"] for one in inbox}
    [message] = [one for one in inbox if one["text"] == text]
    return by_id.get(message.get("inReplyToId"))


def test_customers_quote_their_own_and_each_part_of_an_answer(bot: Bot) -> None:
    own = bot.say("My question")
    bot.settle()
    bot.relay.reply(bot.thread(), "word " * 1_500)
    bot.settle()
    parts = [one["message_id"] for one in bot.sees() if one["from"]["is_bot"]]
    assert len(parts) == 2
    for number in (own, *parts):
        bot.say(f"About {number}", reply_to=number)
    bot.settle()
    assert quoted(bot, f"About {own}") == "My question"
    for number in parts:
        assert (quoted(bot, f"About {number}") or "").startswith("word word")


def test_customers_quote_a_later_picture_of_an_album(bot: Bot) -> None:
    photo = [{"file_id": "unknown-file", "width": 1, "height": 1}]
    for number in (5, 6):
        caption = {"caption": "Our garden"} if number == 5 else {}
        bot.message(number, media_group_id="album-1", photo=photo, **caption)
    bot.settle()
    bot.relay.pass_time(130)
    bot.settle()
    bot.message(7, text="This one", reply_to_message=bot.frame(6) | {"photo": photo})
    bot.settle()
    assert quoted(bot, "This one") is not None


def test_a_quote_of_what_is_not_known_is_none(bot: Bot) -> None:
    bot.message(7, text="As you wrote", reply_to_message=bot.frame(3) | {"text": "Before the bot came"})
    bot.settle()
    assert bot.inbox()[0].get("inReplyToId") is None


def test_agents_quote_both_sides_and_what_is_gone(bot: Bot) -> None:
    bot.say("My question")
    bot.settle()
    question = bot.inbox()[0]["id"]
    answer = bot.relay.reply(bot.thread(), "My answer", inReplyTo=question)
    bot.settle()
    for number, reference in enumerate((answer, "0" * 32)):
        bot.relay.reply(bot.thread(), f"More {number}", inReplyTo=reference)
        bot.settle()
    replies = {one["text"]: one.get("reply_to_message", {}).get("text") for one in bot.sees()}
    assert replies == {"My question": None, "My answer": "My question", "More 0": "My answer", "More 1": None}
