"""The traps of HubSpot's API that people have reported, and what holds the relay out of each.

A test named ``test_pitfall_NN_...`` answers the trap of that number; what no code can answer stands in the
documentation.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

PROJECT = Path(__file__).parents[1]

PITFALLS: Final = {
    1: "Publishing with the token of a private or another app: 404, as if the channel were gone.",
    2: "Three kinds of keys, and channels are registered with one of them.",
    3: "A body that is no JSON is answered as a wrong key.",
    4: "The installation stops where the plan is below Professional.",
    5: "A delivery identifier as a text is refused; it is an object.",
    6: "Types of delivery identifiers are plain words.",
    7: "Older documents have another name for a threading model.",
    8: "A thread id that is missing or short opens a new thread each time.",
    9: "The conversations API does not take a channel's messages.",
    10: "An account's inbox cannot be changed; the error speaks of an empty body.",
    11: "An account may begin inactive, and no API activates it.",
    12: "Some usages of files are refused.",
    13: "Customers are unknown visitors where nothing but an opaque id is known.",
    14: "Agents cannot start a conversation from the CRM, whatever the channel allows.",
    15: "HubSpot has no log of what it delivered to a channel's webhook.",
    16: "Webhooks stopped for all apps, for hours.",
    17: "The channel's webhook is silent when a conversation is closed.",
    18: "HubSpot's mobile app does not show the channel.",
    19: "Properties of tickets cannot be set by channel.",
    20: "An app takes about ten channels.",
    21: "An address of a channel is cleared by null alone.",
    22: "The signature is made over the full address, not over the path.",
    23: "The message of an event is an object, not a text.",
    24: "The documents once said that a private app's token would do.",
    25: "A token that never was one is reported as one that expired in 1970.",
    26: "The channel's webhook address is that of an old deployment.",
    27: "Thread ids were optional, required and optional again.",
    28: "A new channel is not listed at once.",
    29: "Answers that something keeps hide what agents wrote since.",
}

#: No code can answer these; a page does, in these words.
IN_THE_DOCUMENTATION: Final = {
    14: ("docs/channel.md", "never from the CRM"),
    18: ("docs/channel.md", "mobile app"),
    19: ("docs/channel.md", "properties of tickets"),
}


def answered() -> set[int]:
    """The numbers that a test is named after."""
    texts = (path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))
    return {int(number) for text in texts for number in re.findall(r"^def test_pitfall_(\d+)_\w", text, re.MULTILINE)}


def test_every_pitfall_is_answered_by_a_test_or_by_the_documentation() -> None:
    assert set(PITFALLS) == set(range(1, 30))
    assert set(PITFALLS) - answered() - IN_THE_DOCUMENTATION.keys() == set()


def test_no_test_is_named_after_a_pitfall_that_is_not_listed() -> None:
    assert answered() - PITFALLS.keys() == set()


@pytest.mark.parametrize("number", IN_THE_DOCUMENTATION)
def test_the_documentation_says_what_no_code_can_answer(number: int) -> None:
    page, words = IN_THE_DOCUMENTATION[number]
    assert words in " ".join((PROJECT / page).read_text(encoding="utf-8").split())
