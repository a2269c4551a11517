"""What a file is: told by its bytes, not by its name or by what its sender says."""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath
from typing import BinaryIO

import puremagic

#: Bytes at the beginning that tell a file's type.
_HEAD = 4096
_UNKNOWN = "application/octet-stream"

#: Only Python's own table, so that every machine guesses the same.
_TYPES = mimetypes.MimeTypes(filenames=())


def identify(file: BinaryIO, *, name: str, said: str) -> tuple[str, str]:
    """Return a file's MIME type and a name with a fitting extension.

    What the bytes say wins; where they say nothing, what the sender said; else ``application/octet-stream``. The
    file is read from its position, which moves.
    """
    mime = _by_content(file.read(_HEAD)) or said or _TYPES.guess_type(name)[0] or _UNKNOWN
    stem = PurePosixPath(name.replace("\\", "/")).name.strip() or "attachment"
    if PurePosixPath(stem).suffix and _TYPES.guess_type(stem)[0] == mime:
        return mime, stem
    extension = _TYPES.guess_extension(mime) or PurePosixPath(stem).suffix
    return mime, PurePosixPath(stem).stem + extension


def _by_content(head: bytes) -> str:
    try:
        return puremagic.from_string(head, mime=True) if head else ""
    except puremagic.PureError:
        return ""
