"""Fit a message into what a messaging service can take: one message becomes parts, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat

from app.domain.capability import Capabilities
from app.domain.length import length
from app.domain.message import Attachment, AttachmentKind, Card, Choice, Content, Place
from app.domain.part import PartContent
from app.domain.rich_text import html_reader
from app.domain.rich_text.characters import is_blank
from app.domain.rich_text.cutting import cut
from app.domain.rich_text.dialects import Limit, write
from app.domain.rich_text.document import Document, Item, Paragraph, Run, from_text
from app.domain.rich_text.links import safe

#: What stands for a message that says nothing anybody could see.
EMPTY = "(empty message)"


def fit(content: Content, capabilities: Capabilities) -> list[PartContent]:
    """Turn a message into the parts that the service can take, in their order. Never an empty list.

    A text that is too long is cut where people pause. It goes with the first attachment where that can have a caption,
    and what a caption does not hold follows as text, before the other attachments. What the service cannot take becomes
    lines of the text: an attachment its name and address, a place a link to a map, a card its numbers, answers to pick
    from a numbered list.
    """
    document = _document(content)
    attachments = with_pictures(content.attachments, document)
    sendable = [one for one in attachments if _takes(capabilities, one)]
    document = _extended(document, [_in_words(one) for one in attachments if one not in sendable])
    places, cards = content.places if capabilities.places else (), content.cards if capabilities.cards else ()
    document = _extended(document, [_line(place_in_words(one)) for one in content.places if one not in places])
    document = _extended(document, [_line(card_in_words(one)) for one in content.cards if one not in cards])
    as_buttons = not is_blank(document.text) and _takes_choices(capabilities, content.choices)
    if not as_buttons:
        document = _extended(document, _in_list(content.choices))
    parts = list(_parts(document, sendable, capabilities))
    parts += [PartContent(place=one) for one in places] + [PartContent(card=one) for one in cards]
    parts = parts or [PartContent(text=EMPTY)]
    if as_buttons and content.choices:
        parts = _with_buttons(parts, content.choices)
    if capabilities.replies and content.reply_to:
        parts[0] = parts[0].model_copy(update={"reply_to": content.reply_to})
    return parts


def _document(content: Content) -> Document:
    """Read the formatted text; the plain one where there is no other, or where it was not understood."""
    formatted = html_reader.read(content.html) if content.html else Document()
    if is_blank(formatted.text):
        return replace(from_text(content.text), images=formatted.images)
    return formatted


def with_pictures(attachments: Sequence[Attachment], document: Document) -> list[Attachment]:
    """Add the pictures that stood in the text, unless they are attached already."""
    known = {one.source for one in attachments}
    shown = [one for one in document.images if one.source not in known]
    return [*attachments, *(Attachment(kind=AttachmentKind.IMAGE, source=one.source, name=one.name) for one in shown)]


def _takes(capabilities: Capabilities, attachment: Attachment) -> bool:
    accepts = capabilities.attachments.get(attachment.kind)
    return accepts is not None and not attachment.trouble and (attachment.size or 0) <= accepts.size


def _takes_choices(capabilities: Capabilities, choices: Sequence[Choice]) -> bool:
    """Whether all of them can be buttons. Some as buttons and some as text would be read as two questions."""
    labels = all(length(one.label, capabilities.text_unit) <= capabilities.choice_length for one in choices)
    return len(choices) <= capabilities.choices and labels


def missing_in_words(attachment: Attachment) -> str:
    """Say why an attachment is not there. Its name may be anybody's; what turns or breaks lines is left out of it."""
    name = "".join(one for one in attachment.name if one.isprintable()).strip()
    return f"[{name or attachment.kind.value}: {attachment.trouble.rstrip('.')}]"


def _in_words(attachment: Attachment) -> Paragraph:
    if attachment.trouble:
        return _line(missing_in_words(attachment))
    name = attachment.name or attachment.kind.value
    return _line(f"[{name}] {attachment.source}" if attachment.source.startswith("https://") else f"[{name}]")


def place_in_words(place: Place) -> str:
    """Say where a place is, with a link to a map."""
    return "\n".join(filter(None, (", ".join(filter(None, (place.name, place.address))), map_link(place))))


def map_link(place: Place) -> str:
    """Return the address of a map that shows a place."""
    return f"https://www.google.com/maps?q={place.latitude},{place.longitude}"


def card_in_words(card: Card) -> str:
    """Say what a contact card holds, one line each."""
    lines = (card.name, card.organisation, *card.phones, *card.emails, *card.links, *card.addresses)
    return "\n".join(filter(None, lines)) or "[contact]"


def _line(text: str) -> Paragraph:
    return Paragraph((Run(text),))


def _extended(document: Document, paragraphs: Sequence[Paragraph]) -> Document:
    return replace(document, paragraphs=(*document.paragraphs, *paragraphs)) if paragraphs else document


def _in_list(choices: Sequence[Choice]) -> list[Paragraph]:
    """Write what can be chosen as a numbered list, so that the customer can answer with a number."""
    return [
        Paragraph((Run(one.label or one.url, link=safe(one.url)),), (Item(-number, number),), opens_item=True)
        for number, one in enumerate(choices, start=1)
    ]


def _parts(document: Document, attachments: Sequence[Attachment], can: Capabilities) -> Iterator[PartContent]:
    first = attachments[0] if attachments else None
    captioned = first is not None and can.caption_length > 0 and first.kind in can.captioned
    texts = _texts(document, can, first_most=can.caption_length if captioned else can.text_length)
    if first is not None and captioned:
        yield next(texts, PartContent()).model_copy(update={"attachment": first})
        attachments = attachments[1:]
    yield from texts
    yield from (PartContent(attachment=one) for one in attachments)


def _texts(document: Document, can: Capabilities, *, first_most: int) -> Iterator[PartContent]:
    """Cut a text; the first piece may have another length than the rest."""
    rest = Limit(can.rich_text, can.text_length, can.text_unit)
    first = replace(rest, most=first_most)
    for piece in cut(first.prepare(document), chain([first], repeat(rest))):
        written = write(piece, can.rich_text)
        yield PartContent(text=written.text, html=written.html)


def _with_buttons(parts: Sequence[PartContent], choices: tuple[Choice, ...]) -> list[PartContent]:
    """Put the choices under the last text."""
    last = max(at for at, part in enumerate(parts) if part.text)
    return [part.model_copy(update={"choices": choices}) if at == last else part for at, part in enumerate(parts)]
