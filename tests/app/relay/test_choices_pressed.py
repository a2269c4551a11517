"""Answers to choose from: an agent's quick replies are Telegram's buttons, and a pressed one comes back in words."""

from __future__ import annotations

from typing import Any

from app.simulator.telegram.messenger import telegram_of
from tests.app.relay.telegram_side import BOT, DANA, TelegramSide
from tests.app.relay.world import RelayWorld

QUESTION = {
    "type": "QUICK_REPLIES",
    "quickReplies": [
        {"value": "mon", "valueType": "TEXT", "label": "Monday"},
        {"value": "fri", "valueType": "TEXT", "label": "Friday"},
        {"value": "https://example.org/prices", "valueType": "URL", "label": "Prices"},
    ],
}


def settle(relay: RelayWorld) -> None:
    relay.wait_for_webhooks()
    relay.settle()


def asked(relay: RelayWorld) -> tuple[TelegramSide, str, Any]:
    """A customer who was asked a question. Returns HubSpot's id of it, and the message as Telegram shows it."""
    side = TelegramSide(relay)
    side.listen()
    side.say("When can you come?")
    settle(relay)
    question = relay.reply(str(relay.threads()[0]["id"]), "Which day?", attachments=[QUESTION])
    settle(relay)
    return side, question, side.messages()[-1]


def test_a_pressed_button_comes_back_as_what_stands_on_it(light_relay: RelayWorld) -> None:
    side, question, shown = asked(light_relay)
    keyboard = [[(one["text"], one.get("url")) for one in row] for row in shown["reply_markup"]["inline_keyboard"]]
    assert (shown["text"], keyboard) == (
        "Which day?",
        [[("Monday", None)], [("Friday", None)], [("Prices", "https://example.org/prices")]],
    )
    data = shown["reply_markup"]["inline_keyboard"][1][0]["callback_data"]

    side.send("callback_query", message_id=shown["message_id"], data=data)
    settle(light_relay)

    answers = [one for one in light_relay.inbox() if one["text"] == "Friday"]
    assert [one["inReplyToId"] for one in answers] == [question]


def test_a_pressed_button_stops_waiting(light_relay: RelayWorld) -> None:
    side, _, shown = asked(light_relay)
    data = shown["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    bot = telegram_of(light_relay.world).bots[BOT]

    side.send("callback_query", message_id=shown["message_id"], data=data)
    settle(light_relay)

    assert bot.callbacks == set()
    assert bot.chats[DANA].messages[-1]["text"] == "Which day?"


def test_pressing_twice_is_two_answers(light_relay: RelayWorld) -> None:
    side, _, shown = asked(light_relay)
    for button in (0, 1):
        data = shown["reply_markup"]["inline_keyboard"][button][0]["callback_data"]
        side.send("callback_query", message_id=shown["message_id"], data=data)
    settle(light_relay)
    assert sorted(light_relay.texts()[-2:]) == ["Friday", "Monday"]
