from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.album import merged, position
from app.domain.message import AlbumItem, Attachment, AttachmentKind, Content


def item(
    order: int, text: str = "", html: str | None = None, *, reply_to: str | None = None, files: int = 1
) -> AlbumItem:
    attachments = tuple(Attachment(kind=AttachmentKind.IMAGE, source=f"{order}.{at}") for at in range(files))
    content = Content(text=text, html=html, reply_to=reply_to, attachments=attachments)
    return AlbumItem(order=order, service_id=f"m{order}", content=content)


ITEMS = [
    item(1, "first", files=2),
    item(2),
    item(3, "third", "<p><b>third</b></p>", reply_to="m0"),
    item(4, reply_to="x"),
]


@given(st.permutations(ITEMS))
def test_an_album_is_the_same_in_whichever_order_its_items_come(items: list[AlbumItem]) -> None:
    content, places = merged(items[:1]), [position([], items[0])]
    sources = [one.source for one in content.attachments]
    for one in items[1:]:
        at = position(content.album, one)
        sources[at:at] = [attachment.source for attachment in one.content.attachments]
        content = merged([*content.album, one])
        places.append(at)

    assert content == merged(ITEMS)
    assert sources == [one.source for one in content.attachments] == ["1.0", "1.1", "2.0", "3.0", "4.0"]
    assert (content.text, content.reply_to) == ("first\nthird", "m0")
    assert content.html == "<p>first</p><p><b>third</b></p>"


def test_captions_without_formatting_have_none() -> None:
    assert merged([item(1, "a"), item(2, "b")]).html is None


def test_an_album_keeps_its_items_when_it_is_stored() -> None:
    content = merged(ITEMS)
    assert Content.model_validate(content.model_dump(mode="json", exclude_none=True)) == content
