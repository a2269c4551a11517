"""What one call says: a part as Loopback takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.domain.part import Part


def written(part: Part) -> dict[str, Any]:
    """Return the body of the call; what a part has not is left out."""
    content = part.content
    more = {
        "attachments": _attached(part),
        "place": content.place and content.place.model_dump(include={"latitude", "longitude", "name", "address"}),
        "card": content.card and content.card.model_dump(include={"name", "organisation", "phones", "emails", "links"}),
        "choices": [{"label": one.label or one.url, "url": one.url} for one in content.choices],
    }
    body = {"conversation": part.conversation, "text": content.text, "reply_to": content.reply_to}
    return body | {name: value for name, value in more.items() if value}


def _attached(part: Part) -> list[dict[str, Any]]:
    """Return the part's file as the service fetches it."""
    media, attachment = part.media, part.content.attachment
    if media is None or attachment is None:
        return []
    described = {"url": media.link, "name": media.name, "mime": media.mime, "size": media.size}
    return [{"kind": attachment.kind.value, **described}]
