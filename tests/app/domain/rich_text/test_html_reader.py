from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.rich_text.document import Image, Item, Mark, Quote, Run
from app.domain.rich_text.html_reader import read
from tests.app.domain.rich_text.texts import PIECES, html, quick, visible


@pytest.mark.parametrize(
    ("label", "source", "text"),
    [
        ("paragraphs are lines", "<p>a</p><p>b</p>", "a\nb"),
        ("an empty one is an empty line", "<p>a</p><p><br></p><p>b</p>", "a\n\nb"),
        ("one with nothing shows nothing", "<p>a</p><p></p><p>b</p>", "a\nb"),
        ("a last line break shows nothing", "<p>a<br></p><p>b</p>", "a\nb"),
        ("line breaks", "a<br>b<br><br>c", "a\nb\n\nc"),
        ("spaces collapse", "<p>\n  a \t <b> b</b> </p>", "a b"),
        ("but those that are meant", "a&nbsp; b", "a  b"),
        ("and in code", "<pre>a  b\n c</pre>", "a  b\n c"),
        ("a ruler", "a<hr>b", "a\n---\nb"),
        ("cells", "<table><tr><td>a<td>b</tr><tr><td>c</table>", "a | b\nc"),
        ("entities", "&lt;b&gt; &amp;amp; &#128512;", "<b> &amp; 😀"),
        ("unclosed and unopened", "<b>a</i></p>b<p", "a\nb"),
        ("what is not to be read", "<style>x</style><script>y</script><title>z</title>a<!-- b -->", "a"),
        ("an old reply", "<mx-reply><blockquote>q</blockquote></mx-reply>a", "a"),
        ("tags nobody knows", "<font color=red><marquee>a</marquee></font><o:p>b</o:p>", "ab"),
        ("an emoji as a picture", '<img src="https://x/1.png" alt="😀">', "😀"),
        ("a picture without an address", '<img src="data:x" alt="plan"><img src="mxc://a/b">', "[plan][image]"),
        ("nothing", "", ""),
        ("NUL and a half pair", "a\0\ud83db&#0;", "ab"),
    ],
)
def test_text_of(label: str, source: str, text: str) -> None:
    assert read(source).text.removesuffix("\ufffd") == text, label


@pytest.mark.parametrize(
    ("tags", "mark"),
    [
        (("b", "strong", "h1", "h6", "th"), Mark.BOLD),
        (("i", "em"), Mark.ITALIC),
        (("u", "ins"), Mark.UNDERLINE),
        (("s", "strike", "del"), Mark.STRIKE),
        (("code", "tt", "kbd"), Mark.CODE),
        (("tg-spoiler", "span data-mx-spoiler", 'span class="tg-spoiler"'), Mark.SPOILER),
    ],
)
def test_marks(tags: tuple[str, ...], mark: Mark) -> None:
    for tag in tags:
        name = tag.partition(" ")[0]
        table = ("<table><tr>", "</tr></table>") if name == "th" else ("", "")
        [paragraph] = read(f"{table[0]}<{tag}>a</{name}>{table[1]}").paragraphs
        assert paragraph.runs == (Run("a", frozenset({mark})),), tag


def test_colours_sizes_and_alignment_leave_the_text() -> None:
    source = '<p style="text-align:center"><span style="color:red;font-size:20px">a</span> <font size=7>b</font></p>'
    assert read(source).paragraphs[0].runs == (Run("a b"),)


def test_lists_and_quotations_are_places() -> None:
    source = '<ol start="3"><li>a<ul><li>b</li></ul></li><li>c<p>d</p></li></ol><blockquote>e</blockquote>'
    a, b, c, d, e = read(source).paragraphs
    assert [one.marker for one in (a, b, c, d, e)] == ["3. ", "  • ", "4. ", "", ""]
    assert b.inside[0] == a.inside[0]
    assert c.inside == d.inside
    assert [type(place) for place in (*c.inside, *e.inside)] == [Item, Quote]


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://example.com/?a=1&amp;b=2", "https://example.com/?a=1&b=2"),
        ("//example.com", "https://example.com"),
        ("mailto:a@example.com", "mailto:a@example.com"),
        ("tel:+491", "tel:+491"),
        ("javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("/inside", ""),
        ("https://[", ""),
        ("", ""),
    ],
)
def test_links_lead_to_safe_places_only(address: str, link: str) -> None:
    assert read(f'<a href="{address}">a</a>').paragraphs[0].runs == (Run("a", link=link),)


def test_pictures_stand_beside_the_text() -> None:
    document = read('a<img src="https://x/1.png" alt="plan">b<img src="https://x/2.png">')
    assert document.text == "ab"
    assert document.images == (Image("https://x/1.png", "plan"), Image("https://x/2.png"))


def test_an_address_in_code_is_spelled_out() -> None:
    assert read('<pre>see <a href="https://a.example">it</a></pre>').text == "see it (https://a.example)"


@quick
@given(text=PIECES)
def test_escaped_text_is_text(text: str) -> None:
    document = read(html(text))
    assert document.is_plain
    assert visible(document.text) == visible(text)


@quick
@given(source=st.lists(st.sampled_from(["<b>", "</i>", "<p>", "<li>", "</ul>", "<a href=x", "<", "&", "x", "<pre>"])))
def test_no_mark_up_makes_it_fail(source: list[str]) -> None:
    read("".join(source))


@settings(max_examples=8, deadline=None)
@given(tag=st.sampled_from(["div", "blockquote", "ul><li", "b", "p", "span", "table", "a href=x"]))
def test_mark_up_nested_without_end_leaves_the_text(tag: str) -> None:
    document = read(f"<{tag}>a " * 3_000)
    assert document.text.split().count("a") == 3_000
    assert max(len(one.inside) for one in document.paragraphs) < 100
