"""A text of 100,000 characters as difficult as texts are: whole, in parts, and no character in pieces."""

from __future__ import annotations

from itertools import cycle, islice

import regex

from tests.app.relay.bot import Bot
from tests.app.relay.world import RelayWorld

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}\N{ZERO WIDTH JOINER}\N{BOY}"
WORDS = (
    FAMILY * 7,
    "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}",
    "\u0645\u0631\u062d\u0628\u0627\u064b",  # Arabic, from right to left, with a mark on the last letter
    "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",  # Hebrew with points
    "\u202bturned\u202c",
    "zero\u200bwidth\u2060joined",
    "e\u0301\u0323" * 5,
    "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-5}",
    "plain.",
    "nu\0ll",
    FAMILY * 40,
)
LENGTH = 100_000


def text() -> str:
    words = islice(cycle(WORDS), LENGTH)
    return " ".join(words)[:LENGTH].rstrip()


def graphemes(value: str) -> list[str]:
    """What people see, without the spaces at which a text may be cut; what no service takes is replaced."""
    return [one for one in regex.findall(r"\X", value.replace("\0", "\N{REPLACEMENT CHARACTER}")) if not one.isspace()]


def test_it_reaches_a_customer_of_either_service_whole_in_parts(light_relay: RelayWorld) -> None:
    whole = text()
    bot = Bot(light_relay)
    light_relay.say("Tell me everything")
    bot.say("Tell me everything")
    bot.settle()
    for thread in light_relay.threads():
        light_relay.reply(thread["id"], whole)
    bot.settle()
    heard = light_relay.heard()
    parts = [one["text"] for one in bot.sees() if one["from"]["is_bot"]]
    assert max(map(len, heard)) <= 4_000
    assert max(len(one.encode("utf-16-le")) // 2 for one in parts) <= 4_096
    for pieces in (heard, parts):
        assert [one for piece in pieces for one in graphemes(piece)] == graphemes(whole)


def test_it_reaches_the_agent_whole_in_one_message(light_relay: RelayWorld) -> None:
    whole = text().replace("\0", "")
    light_relay.say(whole)
    light_relay.settle()
    assert light_relay.texts() == [whole]


def test_a_null_of_a_customers_text_is_replaced_and_takes_nothing_with_it(light_relay: RelayWorld) -> None:
    light_relay.say("nu\0ll")
    light_relay.settle()
    assert light_relay.texts() == ["nu\N{REPLACEMENT CHARACTER}ll"]
