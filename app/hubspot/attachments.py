"""Attachments in HubSpot's words: those of events are read, those of publications are written."""

from __future__ import annotations

import html
import mimetypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.fit import with_pictures
from app.domain.message import Attachment, AttachmentKind, Choice, Content
from app.domain.rich_text import html_reader
from app.hubspot.payloads import read_objects, read_text
from app.hubspot.places import CONTACT, LOCATION, read_card, read_place

#: In front of a HubSpot file id that stands as an attachment's source.
FILE_SCHEME: Final = "hubspot-file:"

#: What HubSpot's usages are to us. OTHER, and a usage that is not known, is decided by the file's name.
USAGES: Final = {
    "IMAGE": AttachmentKind.IMAGE,
    "AUDIO": AttachmentKind.AUDIO,
    "VOICE_RECORDING": AttachmentKind.VOICE,
    "STICKER": AttachmentKind.STICKER,
}

#: HubSpot has no usage for the other kinds; the field is then left out.
USAGE_WORDS: Final = {kind: word for word, kind in USAGES.items()}

#: Attachments that only describe a message and show nobody anything.
SILENT: Final = frozenset({"SOCIAL_MEDIA_METADATA", "WHATSAPP_TEMPLATE_METADATA"})

#: What is no line of the text.
_ELSEWHERE: Final = SILENT | {"QUICK_REPLIES"}

#: Only Python's own table, so that every machine guesses the same.
_TYPES = mimetypes.MimeTypes(filenames=())


@dataclass(frozen=True)
class FileRef:
    """A file of HubSpot's file manager, as an attachment of a publication. ``usage`` None: not sure what it is."""

    file_id: str
    usage: AttachmentKind | None = None


def write_file(file: FileRef, *, with_usage: bool) -> dict[str, str]:
    """Return the attachment as HubSpot takes it."""
    word = USAGE_WORDS.get(file.usage) if file.usage and with_usage else None
    return {"type": "FILE", "fileId": file.file_id} | ({"fileUsageType": word} if word else {})


def file_id(attachment: Attachment) -> str:
    """Return the id of the HubSpot file behind an agent's attachment; empty where it has none.

    The address of such a file may be private or gone by now; a signed one can be asked for with this id.
    """
    if attachment.source.startswith(FILE_SCHEME):
        return attachment.source.removeprefix(FILE_SCHEME)
    return read_text((attachment.model_extra or {}).get("hubspot_file_id"))


def read_content(
    text: str, rich_text: str, items: Sequence[dict[str, Any]], reply_to: str, *, truncated: bool = False
) -> Content:
    """Read what an agent's message says; ``truncated``: the event carries only the beginning of the text.

    Attachments of a type that we have no word for become lines of the text, so that nothing that the agent sent is lost
    in silence. Pictures that stand in the text are attachments as well.
    """
    files = [attachment for item in items if (attachment := _read_file(item))]
    lines = [line for item in items if (line := _read_line(item))]
    return Content(
        text="\n".join(filter(None, [text, *lines])),
        html=_with_lines(rich_text, lines) if rich_text else None,
        attachments=tuple(with_pictures(files, html_reader.read(rich_text))),
        places=tuple(filter(None, map(read_place, _of_type(LOCATION, items)))),
        cards=tuple(filter(None, map(read_card, _of_type(CONTACT, items)))),
        choices=tuple(choice for item in items for choice in _read_choices(item)),
        reply_to=reply_to or None,
        cut_at=len(text) if truncated else None,
    )


def _of_type(kind: str, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in items if item.get("type") == kind]


def _read_file(item: dict[str, Any]) -> Attachment | None:
    """Read whatever has a file, or an address of the type FILE."""
    file, url, name = read_text(item.get("fileId")), read_text(item.get("url")), read_text(item.get("name"))
    if not file and not (url and item.get("type") == "FILE"):
        return None
    mime = _TYPES.guess_type(name)[0] or ""
    values = {
        "kind": USAGES.get(read_text(item.get("fileUsageType"))) or _kind(mime),
        "source": url or FILE_SCHEME + file,
        "name": name,
        "mime": mime,
    }
    return Attachment.model_validate(values | ({"hubspot_file_id": file} if file else {}))


def _kind(mime: str) -> AttachmentKind:
    try:
        return AttachmentKind(mime.partition("/")[0])
    except ValueError:
        return AttachmentKind.FILE


def _read_line(item: dict[str, Any]) -> str:
    """Say in words what an attachment without bytes shows."""
    kind = read_text(item.get("type"))
    if kind in _LINES:
        return _LINES[kind](item)
    return "" if kind in _ELSEWHERE or _read_file(item) else "[attachment]"


def _location(item: dict[str, Any]) -> str:
    """Return what is known of a place without a point on the map; of one with it, the address that it leads to."""
    if read_place(item):
        return read_text(item.get("url"))
    return ", ".join(filter(None, (read_text(item.get(name)) for name in ("name", "address", "url")))) or "[location]"


def _contact(item: dict[str, Any]) -> str:
    return "" if read_card(item) else "[contact]"


def _read_choices(item: dict[str, Any]) -> list[Choice]:
    if item.get("type") != "QUICK_REPLIES":
        return []
    return [choice for one in read_objects(item.get("quickReplies")) if (choice := _choice(one))]


def _choice(reply: dict[str, Any]) -> Choice | None:
    label, value = read_text(reply.get("label")), read_text(reply.get("value"))
    url = value if reply.get("valueType") == "URL" else ""
    return Choice(label=label or value, url=url) if label or value else None


def _header(item: dict[str, Any]) -> str:
    return read_text(item.get("text"))


#: Attachments that are read as words.
_LINES: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    LOCATION: _location,
    CONTACT: _contact,
    "MESSAGE_HEADER": _header,
}


def _with_lines(rich_text: str, lines: Sequence[str]) -> str:
    added = [html.escape(line).replace("\n", "<br>") for line in lines]
    return rich_text + "".join(f"<p>{line}</p>" for line in added)
