"""Read a text of a service whose mark-up is signs in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from app.domain.rich_text.characters import GUARD, clean
from app.domain.rich_text.document import Document, Mark, Paragraph, Quote, Run, merge
from app.domain.rich_text.links import safe
from app.domain.rich_text.signs import FENCE, Signs

_FENCED: Final = re.compile(r"^```\n?(?P<block>[^`]+?)\n?```$", re.MULTILINE)
_MARKS: Final = {"*": Mark.BOLD, "_": Mark.ITALIC, "~": Mark.STRIKE, "`": Mark.CODE, FENCE: Mark.CODE}
#: The same sign on both sides of some characters, none of which is that sign: not inside of words, nor beside spaces.
_PAIR: Final = re.compile(
    r"(?<![^\W_])(?P<sign>```|[*_~`])(?![\s\u200b])(?P<inside>(?:(?!(?P=sign)).)+?)(?<![\s\u200b])(?P=sign)(?![^\W_])"
)
#: Slack's ``<address|text>``, ``<@user>``, ``<#channel|name>`` and ``<!command>``.
_TOKEN: Final = re.compile(r"<(?P<target>[^<>|\n]+)(?:\|(?P<label>[^<>\n]*))?>")
#: Stands for a token while signs are read. What is typed of it is taken out before.
_PLACE: Final = "\ufffc"
_OUR_GUARD: Final = re.compile(rf"(?<=[*_~`]){GUARD}|{GUARD}(?=[*_~`>]|&gt;)")


def read(text: str, signs: Signs) -> Document:
    """Return what a text says."""
    text = clean(text).replace(_PLACE, "")
    keys = count()
    paragraphs: list[Paragraph] = []
    here = 0
    for found in _FENCED.finditer(text):
        paragraphs += _quoted(text[here : found.start()].removesuffix("\n"), signs, keys)
        paragraphs.append(Paragraph((Run(signs.unescape(found["block"])),), is_code=True))
        here = found.end() + 1
    paragraphs += _quoted(text[here:], signs, keys)
    return Document(tuple(paragraphs))


def _quoted(text: str, signs: Signs, keys: Iterator[int]) -> Iterator[Paragraph]:
    """Divide a text into what is quoted and what is not."""
    mark = signs.escape(">")
    quote: Quote | None = None
    lines: list[str] = []
    for line in text.split("\n") if text else []:
        is_quoted = line.startswith(mark)
        if lines and is_quoted != (quote is not None):
            yield _paragraph(lines, quote, signs)
            lines = []
        quote = (quote or Quote(next(keys))) if is_quoted else None
        lines.append(line.removeprefix(mark).removeprefix(" ") if is_quoted else line)
    if lines:
        yield _paragraph(lines, quote, signs)


def _paragraph(lines: Sequence[str], quote: Quote | None, signs: Signs) -> Paragraph:
    runs: list[Run] = []
    for line in lines:
        runs += [Run("\n")] if runs else []
        runs += _line(line, signs)
    return Paragraph(merge(runs), (quote,) if quote else ())


def _line(line: str, signs: Signs) -> Iterator[Run]:
    tokens: list[Run] = []

    def keep(found: re.Match[str]) -> str:
        tokens.append(_token(found["target"], found["label"]))
        return _PLACE

    waiting = iter(tokens)
    marked = _TOKEN.sub(keep, line) if signs.escapes else line
    for run in _marked(marked, frozenset()):
        yield from _filled(run, waiting, signs)


def _token(target: str, label: str | None) -> Run:
    """Read what Slack writes between angle brackets."""
    address = safe(target.replace("&amp;", "&")) if target[0] not in "@#!" else ""
    if address:
        return Run(label or target, link=address)
    names = {"@": "@", "#": "#", "!": "@"}
    return Run(label or names.get(target[0], "") + target.lstrip("@#!"))


def _marked(text: str, marks: frozenset[Mark]) -> Iterator[Run]:
    """Read signs; inside a pair the others, and in code none."""
    here = 0
    for found in _PAIR.finditer(text):
        mark = _MARKS[found["sign"]]
        yield Run(text[here : found.start()], marks)
        inner = marks | {mark}
        yield from [Run(found["inside"], inner)] if mark is Mark.CODE else _marked(found["inside"], inner)
        here = found.end()
    yield Run(text[here:], marks)


def _filled(run: Run, tokens: Iterator[Run], signs: Signs) -> Iterator[Run]:
    """Put tokens back into a text, and take escapes and guards out."""
    for at, piece in enumerate(run.text.split(_PLACE)):
        if at:
            token = next(tokens)
            yield Run(_read(token.text, signs), run.marks, token.link)
        yield Run(_read(piece, signs), run.marks)


def _read(text: str, signs: Signs) -> str:
    return signs.unescape(_OUR_GUARD.sub("", text))
