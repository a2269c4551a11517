"""Files that are not what they seem: a picture that is also a program, a drawing with a script, a bomb.

Nothing here decodes; a look costs a few reads.
"""

from __future__ import annotations

import os
import re
from typing import BinaryIO, Final
from xml.parsers import expat

from app.errors import ContentUnsupported
from app.media import formats
from app.media.formats import Family, Format

#: An archive's directory ends within so many bytes of the file's end: 22, and a comment.
_TAIL = 22 + 65_535
#: A larger drawing is not read, and so not trusted.
_LARGEST_DRAWING = 2_000_000
#: More than any camera takes. Such a picture takes four gigabytes when it is unpacked.
_BOMB: Final = 1_000_000_000

#: What a reader of another format would find in the first bytes of a picture. PDF readers search the first 1,024.
_FOREIGN: Final = re.compile(rb"%PDF-|<script|<html|<\?php|<svg|<iframe", re.IGNORECASE)
_FOREIGN_WITHIN = 1024

_ACTIVE_ELEMENTS: Final = frozenset(
    {"script", "foreignobject", "iframe", "embed", "object", "handler", "listener", "audio", "video", "set", "animate"}
)
_OUTWARD: Final = re.compile(r"javascript:|data:(?!image/(?:png|jpe?g|gif|webp))|@import|url\(\s*['\"]?\s*[^#'\"\s)]")


def refuse_disguised(file: BinaryIO, head: bytes, *, found: Format, claimed: Family | None) -> None:
    """Refuse a file that would do something else than it seems to. Moves the file's position.

    Args:
        file: The file.
        head: Its first bytes.
        found: What these bytes say.
        claimed: What its sender or its name says it is.

    Raises:
        ContentUnsupported: with the code ``media_disguised`` or ``media_bomb`` and a sentence.
    """
    if claimed in formats.MEDIA and found.family in {Family.ARCHIVE, Family.PAGE, Family.PROGRAM}:
        raise _disguised(f"it says that it is {claimed.value} and is {found.family.value}")
    if found is formats.SVG and _is_active(file):
        raise _disguised("it is a drawing (SVG) with a script or with links to elsewhere")
    if found.family in formats.MEDIA and (_FOREIGN.search(head, 0, _FOREIGN_WITHIN) or _ends_as_archive(file)):
        raise _disguised(f"it is {found.family.value} and something else at once")
    if _pixels(head, found) > _BOMB:
        raise ContentUnsupported("it is a picture that is far too large when it is unpacked", code="media_bomb")


def _disguised(fact: str) -> ContentUnsupported:
    return ContentUnsupported(f"{fact}, which may do harm: ask for it in another way", code="media_disguised")


def _ends_as_archive(file: BinaryIO) -> bool:
    """Whether a ZIP archive hangs at the end: its directory is there, and is where it says."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:  # noqa: PLR2004 - the record's length
        return False
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    file.seek(max(0, size - len(tail) + at - directory))
    return file.read(4) == b"PK\x01\x02"


def _pixels(head: bytes, found: Format) -> int:
    """What a header promises; 0 where it stands elsewhere."""
    if found is formats.PNG and head[12:16] == b"IHDR":
        return int.from_bytes(head[16:20]) * int.from_bytes(head[20:24])
    if found is formats.GIF:
        return int.from_bytes(head[6:8], "little") * int.from_bytes(head[8:10], "little")
    return 0


def _is_active(file: BinaryIO) -> bool:
    """Whether a drawing could do more than be looked at. What cannot be read counts as able to."""
    file.seek(0)
    text = file.read(_LARGEST_DRAWING + 1)
    if len(text) > _LARGEST_DRAWING:
        return True
    try:
        _parser().Parse(text, True)  # noqa: FBT003 - pyexpat knows no keywords
    except (expat.ExpatError, _Active):
        return True
    return False


class _Active(Exception):
    """Ends the reading of a drawing at the first thing that could do more than be looked at."""


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.StartElementHandler = _read_element
    parser.CharacterDataHandler = _read_text
    # Entities multiply, and instructions load style sheets: no drawing that is sent needs them.
    parser.EntityDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    return parser


def _refuse(*_: object) -> None:
    raise _Active


def _read_element(name: str, attributes: dict[str, str]) -> None:
    if _local(name) in _ACTIVE_ELEMENTS or any(_is_active_attribute(*one) for one in attributes.items()):
        raise _Active


def _is_active_attribute(name: str, value: str) -> bool:
    is_link = _local(name) in {"href", "src"} and not value.lstrip().startswith(("#", "data:image/"))
    return is_link or _local(name).startswith("on") or bool(_OUTWARD.search(value.lower()))


def _read_text(text: str) -> None:
    if _OUTWARD.search(text.lower()):
        raise _Active


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()
