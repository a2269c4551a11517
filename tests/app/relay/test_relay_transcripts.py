"""One conversation with every kind of message, as the customer and as the agent see it, for each simulated service."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.app.media.corpus import CORPUS
from tests.app.relay.bot import Bot
from tests.app.relay.transcript import agent_lines, compare, customer_lines
from tests.app.relay.world import RelayWorld

pytestmark = pytest.mark.slow

DAYS = [{"value": one, "valueType": "TEXT", "label": one} for one in ("Monday", "Friday", "Not at all")]
HARBOUR = {"type": "LOCATION", "latitude": 53.5461, "longitude": 9.966, "name": "Harbour", "address": "1 Quay"}
ROBIN = {
    "type": "CONTACT",
    "contactProfile": {
        "name": {"firstName": "Robin", "lastName": "Roe"},
        "phones": [{"phone": "+4930123"}],
        "emails": [{"email": "robin@example.org"}],
        "urls": [],
        "addresses": [],
    },
}
FORMATTED = (
    "<p>Dear <b>Dana</b>, <i>of course</i>:</p><ul><li>one <code>x = 1</code></li><li>two "
    '<a href="https://example.org/?a=1&amp;b=2">links</a></li></ul><p style="text-align:right">Bye 👋</p>'
)


def upload(name: str, *, called: str = "") -> dict[str, str]:
    """A file of the corpus, as it is sent."""
    sent = CORPUS[name]
    return {"name": called or sent.name, "mime": sent.mime, "base64": base64.b64encode(sent.make()).decode()}


def answer(relay: RelayWorld, thread: str) -> None:
    """Everything that an agent sends."""
    texts = "Yes, it left this morning.", "Dear Dana, of course:\none x = 1\ntwo links\nBye 👋"
    relay.reply(thread, texts[0])
    relay.settle()
    for text, more in (
        (texts[1], {"richText": FORMATTED}),
        ("Two files", {"attachments": [upload("screenshot"), upload("PDF")]}),
        ("Where we are", {"attachments": [HARBOUR, ROBIN]}),
    ):
        relay.reply(thread, text, **more)
        relay.wait_for_webhooks()  # of two at once the second may arrive, and be sent, first
    relay.settle()
    relay.reply(thread, "When shall we come?", attachments=[{"type": "QUICK_REPLIES", "quickReplies": DAYS}])
    relay.settle()


# Telegram ------------------------------------------------------------------------------------------------------------


def test_telegram(light_relay: RelayWorld) -> None:
    bot = Bot(light_relay)
    customer_speaks(bot)
    answer(light_relay, bot.thread())
    customer_answers(bot)
    bot.relay.call("POST", "/_sim/telegram/block", {"bot": "relay_bot", "chat_id": 4242})
    bot.settle()
    bot.relay.reply(bot.thread(), "Are you there?")
    bot.settle()
    compare("telegram", agent=agent_lines(light_relay, bot.thread()), customer=customer_lines(bot.bubbles()))


def customer_speaks(bot: Bot) -> None:
    """Every kind that Telegram tells bots of."""
    text = "Hello! Is my order on its way? See my notes"
    styles = [
        {"type": "bold", "offset": 0, "length": 6},
        {"type": "text_link", "offset": 38, "length": 5, "url": "https://example.org/notes"},
    ]
    bot.say(text, entities=styles)
    bot.settle()
    bot.send("photo", caption="My garden", base64=upload("photo")["base64"])
    bot.send("document", **upload("PDF", called="Offer.pdf"))
    bot.send("voice", base64=upload("voice note")["base64"])
    bot.send("sticker", emoji="🎉")
    bot.settle()
    point = {"latitude": 53.5461, "longitude": 9.966}
    bot.send("location", **point)
    bot.send("contact", first_name="Alex", phone_number="+431234567")
    bot.send("poll")
    bot.message(102, location=point, venue={"location": point, "title": "Harbour", "address": "1 Quay"})
    bot.message(103, location={**point, "live_period": 600})
    vcard = "BEGIN:VCARD\nFN:Robin Roe\nTEL:+4930123\nEMAIL:robin@example.org\nORG:Market\nEND:VCARD"
    bot.message(104, contact={"phone_number": "+4930123", "first_name": "Robin", "vcard": vcard})
    bot.message(106, dice={"emoji": "🎲", "value": 4})
    bot.message(107, story={"id": 1})
    bot.message(108, hologram={"id": 1})
    bot.settle()


def customer_answers(bot: Bot) -> None:
    """A choice, a quotation, and what is about messages of before."""
    ours = [one["message_id"] for one in bot.sees() if one["from"]["is_bot"]]
    [asked] = [one for one in bot.sees() if "reply_markup" in one]
    friday = asked["reply_markup"]["inline_keyboard"][1][0]["callback_data"]
    bot.send("callback_query", message_id=asked["message_id"], data=friday)
    bot.settle()
    number = bot.say("Two chairs, please", reply_to=ours[0])
    bot.settle()
    bot.send("edited_message", message_id=number, text="Three chairs, please")
    bot.react(ours[0], new="👍")
    bot.react(ours[0], old="👍")
    bot.settle()
    [quoted] = [one["id"] for one in bot.inbox() if one["text"] == "Two chairs, please"]
    bot.relay.reply(bot.thread(), "Three it is", inReplyTo=quoted)
    bot.settle()


# Loopback ------------------------------------------------------------------------------------------------------------


def test_loopback(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.say("My garden", attachments=[upload("photo", called="garden.jpg")])
    voice = {**upload("voice note", called="voice.ogg"), "kind": "voice"}
    relay.say("", attachments=[upload("PDF"), voice])
    relay.say("", attachments=[{**upload("sticker"), "kind": "sticker"}])
    relay.say("", place={"latitude": 53.5461, "longitude": 9.966, "name": "Harbour", "address": "1 Quay"})
    relay.say("", card={"name": "Alex", "phones": ["+431234567"], "emails": ["alex@example.org"]})
    relay.settle()
    answer(relay, thread)
    ours = [one for one in relay.customer_sees() if not one["mine"]]
    [asked] = [one["id"] for one in ours if one["choices"]]
    customer_does(relay, "press", asked, choice=1)
    relay.say("Two chairs, please", reply_to=ours[0]["id"])
    relay.settle()
    mine = {one["text"]: one["id"] for one in relay.customer_sees() if one["mine"]}
    customer_does(relay, "edit", mine["Two chairs, please"], text="Three chairs, please")
    customer_does(relay, "react", ours[0]["id"], emoji="👍")
    customer_does(relay, "delete", mine["My garden"])
    relay.call("POST", "/_sim/loopback/answer", {"account": "demo", "conversation": "c1", "text": "I take over"})
    relay.settle()
    [quoted] = [one["id"] for one in relay.inbox() if one["text"] == "Two chairs, please"]
    relay.reply(thread, "Two it is", inReplyTo=quoted)
    relay.settle()
    relay.report("read")
    relay.settle()
    relay.reply(thread, "Good night")
    relay.settle()
    relay.report("failed", "The phone is switched off.")
    relay.settle()
    compare("loopback", agent=agent_lines(relay, thread), customer=customer_lines(relay.customer_sees()))


def customer_does(relay: RelayWorld, what: str, message: str, **more: Any) -> None:
    """Let the customer do something with a message."""
    relay.call("POST", f"/_sim/loopback/{what}", {"account": "demo", "conversation": "c1", "message": message, **more})
    relay.settle()
