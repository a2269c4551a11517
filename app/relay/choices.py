"""Choices answered: what an agent offered as a numbered list, the customer picks by its number or its words.

The rule, so that nothing is ever guessed: the list is in the message of our side that the customer quotes, or else in
the last one that our side sent; it is not older than three days; and the customer wrote nothing else. Then the agent
reads the number with the words, as a reply to the question.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from app.domain.message import Choice, Content, Kind
from app.relay.services import Services
from app.storage import quotes
from app.storage.messages import Head

#: A list older than this (seconds) is not what a bare number answers.
_VALID_FOR = 3 * 86_400.0

#: No label of a choice has more characters.
_LONGEST = 100

#: ``2``, ``2.``, ``2)``, ``(2)``, ``#2``, and the keycap that phones offer for it.
_NUMBER = regex.compile(r"[#(]?(?P<number>\d{1,3})\uFE0F?\u20E3?[.):]?")


def answered(services: Services, head: Head) -> Content:
    """Return what a customer says, with the words of the choice where it is one."""
    content, words = head.content, _words(head)
    if not words or len(words) > _LONGEST:
        return content
    with services.database.read() as connection:
        asked = quotes.asked(connection, head)
    if asked is None or asked.age > _VALID_FOR:
        return content
    number = _picked(words, asked.content.choices, in_list=asked.in_list)
    if number is None:
        return content
    text = f"{number} - {_label(asked.content.choices[number - 1])}" if asked.in_list else content.text
    quoted = content.reply_to or next(iter(asked.service_ids), None)
    return content.model_copy(update={"text": text, "html": None, "reply_to": quoted})


def _words(head: Head) -> str:
    """Return what may be an answer: a text of the customer's alone."""
    content = head.content
    alone = head.kind is Kind.MESSAGE and not head.own and not content.is_placeholder
    bare = not (content.attachments or content.places or content.cards)
    return content.text.strip() if alone and bare else ""


def _picked(words: str, choices: Sequence[Choice], *, in_list: bool) -> int | None:
    """Return the number of the one choice that is meant."""
    found = _NUMBER.fullmatch(words) if in_list else None
    if found and 1 <= int(found["number"]) <= len(choices):
        return int(found["number"])
    same = [number for number, one in enumerate(choices, 1) if _label(one).casefold() == words.casefold()]
    return same[0] if len(same) == 1 else None


def _label(choice: Choice) -> str:
    return choice.label or choice.url
