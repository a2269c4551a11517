"""Typing and read marks towards customers: only where they are switched on, and never in a message's way."""

from __future__ import annotations

from typing import Any

import pytest

from app.simulator.faults import Api, FaultKind
from app.simulator.telegram.messenger import telegram_of
from tests.app.relay.bot import BUSINESS, CUSTOMER, Bot
from tests.app.relay.world import RelayWorld


@pytest.fixture
def bot(light_relay: RelayWorld) -> Bot:
    return Bot(light_relay)


def calls(bot: Bot, method: str) -> list[Any]:
    return [one for one in bot.relay.world.calls.list() if one["path"].endswith(f"/{method}")]


def answered(bot: Bot) -> None:
    """A conversation with one answer of an agent."""
    bot.say("Hello?")
    bot.settle()
    bot.relay.reply(bot.thread(), "Hello Dana")
    bot.settle()


def test_typing_is_shown_for_an_answer_where_it_is_switched_on(bot: Bot) -> None:
    bot.switch(typing=True)
    answered(bot)
    bot.relay.services.errands.finish()
    assert len(calls(bot, "sendChatAction")) == 1
    assert len(calls(bot, "sendMessage")) == 1


def test_nothing_is_shown_unless_it_is_switched_on(bot: Bot) -> None:
    answered(bot)
    bot.relay.services.errands.finish()
    assert calls(bot, "sendChatAction") == []


def test_a_service_that_refuses_the_courtesy_gets_the_message_all_the_same(bot: Bot) -> None:
    bot.relay.fault(Api.TELEGRAM, FaultKind.STATUS, path="sendChatAction", times=None, status=500)
    bot.switch(typing=True)
    answered(bot)
    bot.relay.services.errands.finish()
    assert len(calls(bot, "sendChatAction")) == 1
    assert [one["text"] for one in bot.sees()] == ["Hello?", "Hello Dana"]
    assert bot.inbox()[-1]["statusType"] == "SENT"
    assert bot.relay.rows("outbound")[0].attempts == 1


def test_telegram_business_marks_what_hubspot_has_as_read(bot: Bot) -> None:
    bot.switch(read_marks=True)
    bot.say_in_business(5, "Hello")
    bot.say("Privately")
    bot.settle()
    bot.relay.services.errands.finish()
    [known] = telegram_of(bot.relay.world).bots.values()
    assert known.read == [(BUSINESS, CUSTOMER, 5)]
