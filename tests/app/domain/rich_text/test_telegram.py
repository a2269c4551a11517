from __future__ import annotations

from datetime import UTC, datetime

import pytest
import telegram as bot
from hypothesis import given
from hypothesis import strategies as st

from app.domain.rich_text.document import Document, from_text
from app.domain.rich_text.html_reader import read as read_html
from app.domain.rich_text.html_writer import write as write_html
from app.domain.rich_text.telegram import MOST_ENTITIES, Entities, Entity, read, write
from tests.app.domain.rich_text.texts import DOCUMENTS, TEXTS, quick, visible

#: https://core.telegram.org/bots/api#formatting-options: what may not hold, nor be in, another one.
_ALONE = {"code", "pre"}


def parsed(written: Entities) -> bot.Message:
    """Return what an independent reader makes of it."""
    entities = [bot.MessageEntity(one.type, one.offset, one.length, one.url or None) for one in written.entities]
    chat = bot.Chat(1, "private")
    return bot.Message(1, datetime(2026, 11, 1, tzinfo=UTC), chat, text=written.text, entities=entities)


def shown(html: str) -> list[tuple[str, str]]:
    return [(one.type, text) for one, text in parsed(write(read_html(html))).parse_entities().items()]


@pytest.mark.parametrize(
    ("html", "text", "entities"),
    [
        ("<p>👋 <b>a <i>b</i></b></p><p>c</p>", "👋 a b\nc", [("bold", "a b"), ("italic", "b")]),
        ("<blockquote><p>a</p><p>b</p></blockquote>c", "a\nb\nc", [("blockquote", "a\nb")]),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "a\nb", [("blockquote", "a\nb")]),
        ("<ul><li>a</li><li><u>b</u></li></ul>", "• a\n• b", [("underline", "b")]),
        ("<pre>a\n b</pre><b><code>c</code></b>", "a\n b\nc", [("pre", "a\n b"), ("code", "c")]),
        ('<a href="https://a.example"><code>a</code></a>', "a", [("text_link", "a")]),
        ('<a href="mailto:a@b.example">a</a>', "a (a@b.example)", []),
    ],
)
def test_written(html: str, text: str, entities: list[tuple[str, str]]) -> None:
    assert write(read_html(html)).text == text
    assert shown(html) == entities


@quick
@given(document=DOCUMENTS)
def test_entities_keep_telegrams_rules(document: Document) -> None:
    written = write(document)
    size = len(written.text.encode("utf-16-le")) // 2
    assert all(0 <= one.offset < one.end <= size for one in written.entities)
    assert list(written.entities) == sorted(written.entities, key=lambda one: (one.offset, -one.length))
    for one in written.entities:
        for other in written.entities:
            overlap = one.offset < other.end and other.offset < one.end
            assert one is other or not overlap or one.type not in _ALONE or other.type == "blockquote"
    parsed(written).parse_entities()


@quick
@given(document=DOCUMENTS)
def test_the_text_is_whole(document: Document) -> None:
    rest = iter(visible(write(document).text))  # bullets and spelled addresses stand between
    assert all(char in rest for char in visible(document.text))


@quick
@given(document=DOCUMENTS)
def test_there_and_back_it_is_the_same(document: Document) -> None:
    written = write(document)
    back = read(written.text, written.entities)
    again = write(back)
    assert (len(written.entities) > MOST_ENTITIES) or read(again.text, again.entities) == back
    assert visible(read_html(write_html(back)).text) == visible(written.text)


@quick
@given(text=TEXTS)
def test_what_people_typed_is_no_mark_up(text: str) -> None:
    written = write(from_text(text))
    assert written.entities == ()
    assert visible(written.text) == visible(text)


@quick
@given(
    text=st.text(alphabet=st.sampled_from("ab \n👋"), max_size=12),
    entities=st.lists(
        st.builds(
            Entity,
            st.sampled_from(["bold", "italic", "blockquote", "pre", "code", "url", "text_link", "mention", "new"]),
            st.integers(-2, 14),
            st.integers(-2, 14),
            st.sampled_from(["", "https://a.example", "javascript:x"]),
        ),
        max_size=5,
    ),
)
def test_whatever_the_entities_say_the_text_is_whole_and_in_order(text: str, entities: list[Entity]) -> None:
    document = read(text, entities)
    assert "".join(document.text.split()) == "".join(text.split())
    assert visible(read_html(write_html(document)).text) == visible(text)
