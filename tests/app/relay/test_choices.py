"""What an agent offered as a numbered list, and the customer picks."""

from __future__ import annotations

from typing import Any

import pytest

from app.relay import choices
from tests.app.relay.bot import Bot
from tests.app.relay.world import RelayWorld, incoming

#: Too long for a button.
NEVER = "Neither of these, and not in the week after it"
DAYS = [{"value": one, "valueType": "TEXT", "label": one} for one in ("Monday", "Friday", NEVER)]


def asked(relay: RelayWorld, text: str = "When?") -> str:
    """A conversation in which an agent asked. Returns HubSpot's id of the question."""
    replies = [{"type": "QUICK_REPLIES", "quickReplies": DAYS}]
    question = relay.reply(relay.conversation(), text, attachments=replies)
    relay.settle()
    return question


def answer(relay: RelayWorld, words: str, **more: Any) -> tuple[str, str | None]:
    """Answer as the customer. Returns what the agent reads, and which message it quotes."""
    relay.say(words, **more)
    relay.settle()
    newest = max(relay.inbox(), key=lambda one: one["receivedAt"])
    return newest["text"], newest.get("inReplyToId")


@pytest.mark.parametrize("words", ["2", " 2 ", "2.", "2)", "(2)", "#2", "2\ufe0f\u20e3", "Friday", "fRIDAY"])
def test_the_number_or_the_words_pick_the_choice(light_relay: RelayWorld, words: str) -> None:
    question = asked(light_relay)
    assert light_relay.heard()[-1] == f"When?\n1. Monday\n2. Friday\n3. {NEVER}"
    assert answer(light_relay, words) == ("2 - Friday", question)


@pytest.mark.parametrize("words", ["0", "4", "22", "2 chairs", "1, 2", "1 or 2", "-2", "2?", "Fri", "maybe Friday"])
def test_whatever_else_is_written_stays_as_it_is(light_relay: RelayWorld, words: str) -> None:
    asked(light_relay)
    assert answer(light_relay, words) == (words, None)


def test_one_may_change_ones_mind(light_relay: RelayWorld) -> None:
    question = asked(light_relay)
    assert answer(light_relay, "2") == ("2 - Friday", question)
    assert answer(light_relay, "1") == ("1 - Monday", question)


def test_nothing_is_guessed_where_nothing_was_asked(light_relay: RelayWorld) -> None:
    light_relay.answered("How many chairs?")
    assert answer(light_relay, "2") == ("2", None)


def test_a_later_question_is_what_a_number_answers_unless_the_list_is_quoted(light_relay: RelayWorld) -> None:
    question = asked(light_relay)
    seen = light_relay.customer_sees()
    light_relay.reply(light_relay.threads()[0]["id"], "And how many chairs?")
    light_relay.settle()
    assert answer(light_relay, "2") == ("2", None)
    assert answer(light_relay, "2", reply_to=seen[-1]["id"]) == ("2 - Friday", question)
    assert answer(light_relay, "2", reply_to=seen[0]["id"])[0] == "2"


def test_an_old_list_is_not_what_a_number_answers(light_relay: RelayWorld) -> None:
    asked(light_relay)
    light_relay.pass_time(choices._VALID_FOR)  # noqa: SLF001 - the bound
    assert answer(light_relay, "2") == ("2", None)


def test_a_colleague_who_wrote_since_may_have_asked_something_else(light_relay: RelayWorld) -> None:
    asked(light_relay)
    told = incoming("How many?", "own-1", own=True, sender={"id": "colleague"}, recipient={"id": "u1"})
    light_relay.from_loopback({"id": "d-own", "events": [told]})
    light_relay.settle()
    assert answer(light_relay, "2") == ("2", None)


def test_telegrams_customers_pick_as_well(light_relay: RelayWorld) -> None:
    bot = Bot(light_relay)
    bot.say("Hello?")
    bot.settle()
    light_relay.reply(bot.thread(), "When?", attachments=[{"type": "QUICK_REPLIES", "quickReplies": DAYS}])
    bot.settle()
    bot.say("friday")
    bot.settle()
    assert bot.texts()[-1].casefold().endswith("friday")
    assert bot.inbox()[-1]["inReplyToId"] == bot.inbox()[-2]["id"]
