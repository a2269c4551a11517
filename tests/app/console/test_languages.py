from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from app.connectors import registry
from app.console import install
from app.console.languages import FALLBACK, Language, languages
from app.hubspot.popup import Wrong
from app.relay.not_connected import Problem

CONSOLE = Path(install.__file__).parent
TEMPLATES = sorted((CONSOLE / "templates").rglob("*.html"))
OTHERS = sorted(set(languages()) - {FALLBACK})

#: Attributes that people read or hear.
SPOKEN = {"alt", "aria-label", "placeholder", "title", "aria-description", "value", "content"}
SILENT_CONTENT = {"width=device-width, initial-scale=1", "light dark", "noindex, nofollow"}


def texts(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from texts(value, f"{above}{name}.")
        else:
            yield above + name, value


def pages(language: Language) -> dict[str, str]:
    """What the pages say; the words of connectors apart."""
    return {key: text for key, text in texts(language.texts) if not key.startswith("fields.")}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_there_are_two_languages() -> None:
    assert set(languages()) >= {"en", "pt"}


@pytest.mark.parametrize("tag", OTHERS)
def test_every_language_says_everything(tag: str) -> None:
    ours, theirs = pages(languages()[FALLBACK]), pages(languages()[tag])
    assert ours.keys() == theirs.keys()
    assert [key for key, text in theirs.items() if not text.strip()] == []
    assert {key: placeholders(text) for key, text in ours.items()} == {k: placeholders(t) for k, t in theirs.items()}


@pytest.mark.parametrize("tag", OTHERS)
def test_nothing_is_left_in_english(tag: str) -> None:
    ours, theirs = pages(languages()[FALLBACK]), pages(languages()[tag])
    assert [key for key, text in theirs.items() if text == ours[key]] == ["page.title"]


@pytest.mark.parametrize("tag", OTHERS)
@pytest.mark.parametrize("name", registry.names())
def test_fields_are_translated_and_none_that_is_not_there(tag: str, name: str) -> None:
    translated = languages()[tag].texts["fields"][name]
    assert translated.keys() == registry.get(name).credentials.model_fields.keys()
    assert all({"title", "help"} <= set(words) for words in translated.values())


def test_every_trouble_has_its_page() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in CONSOLE.glob("*.py"))
    named = set(re.findall(r"Trouble\(\s*\"(\w+)\"", source)) | set(re.findall(r"\"(\w+)\" if \w+ else", source))
    named |= set(install._TROUBLES.values()) | {*map(str, Problem), *map(str, Wrong)}  # noqa: SLF001 - their table
    known = {
        key.split(".")[1] for key in pages(languages()[FALLBACK]) if key.startswith("trouble.") and key.count(".") == 2
    }
    assert named - known == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_templates_name_texts_that_there_are(template: Path) -> None:
    named = set(re.findall(r"say\(\"([\w.]+)\"(?! ~)", template.read_text(encoding="utf-8")))
    assert named - pages(languages()[FALLBACK]).keys() == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_has_text_of_its_own(template: Path) -> None:
    found = Loose()
    found.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL))
    found.close()
    assert found.words == []


def test_a_loose_text_would_be_found() -> None:
    found = Loose()
    found.feed('<p title="seen">heard</p>')
    found.close()
    assert found.words == ["seen", "heard"]


class Loose(HTMLParser):
    """Finds letters that people would read."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in SPOKEN and value not in SILENT_CONTENT:
                self._take(value or "")

    @override
    def handle_data(self, data: str) -> None:
        self._take(data)

    def _take(self, text: str) -> None:
        if any(one.isalpha() for one in text):
            self.words.append(text.strip())
