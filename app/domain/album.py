"""Albums: what somebody chose to send together, and their service tells as several messages, becomes one."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.message import AlbumItem, Content
from app.domain.rich_text import html_writer
from app.domain.rich_text.document import from_text


def merged(items: Sequence[AlbumItem]) -> Content:
    """Return what an album says, in its sender's order, whichever item came first."""
    ordered = sorted(items, key=AlbumItem.place)
    contents = [item.content for item in ordered]
    return Content(
        text="\n".join(one.text for one in contents if one.text),
        html=_html([one for one in contents if one.text]),
        attachments=tuple(attachment for one in contents for attachment in one.attachments),
        reply_to=next((one.reply_to for one in contents if one.reply_to), None),
        album=tuple(ordered),
    )


def position(items: Sequence[AlbumItem], item: AlbumItem) -> int:
    """Return where an item's attachments stand among those of the others."""
    return sum(len(one.content.attachments) for one in items if one.place() < item.place())


def _html(contents: Sequence[Content]) -> str | None:
    """Return the formatted captions one below the other; None where none is formatted."""
    if not any(one.html for one in contents):
        return None
    return "".join(one.html or html_writer.write(from_text(one.text)) for one in contents)
