"""What a file is: told by its bytes, not by its name or by what its sender says."""

from __future__ import annotations

import mimetypes
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Final

import puremagic

from app.domain.message import AttachmentKind
from app.errors import ContentUnsupported
from app.media import formats
from app.media.disguises import refuse_disguised
from app.media.formats import Family, Format

#: Bytes at the beginning that tell a file's type.
_HEAD = 4096
#: The longest name that every file system takes, with room for an extension.
_LONGEST_NAME = 100
_UNKNOWN: Final = Format("application/octet-stream", ("bin",), Family.OTHER)

#: Only Python's own table, so that every machine guesses the same.
_TYPES = mimetypes.MimeTypes(filenames=())

#: What senders claim by the kind of an attachment, and by the first word of a MIME type.
_CLAIMS: Final = {
    AttachmentKind.IMAGE: Family.PICTURE,
    AttachmentKind.STICKER: Family.PICTURE,
    AttachmentKind.VIDEO: Family.FILM,
    AttachmentKind.AUDIO: Family.SOUND,
    AttachmentKind.VOICE: Family.SOUND,
}
_WORDS: Final = {"image": Family.PICTURE, "video": Family.FILM, "audio": Family.SOUND}

#: What each family may be called besides a file; the first where the sender says none of them.
_KINDS: Final = {
    Family.PICTURE: (AttachmentKind.IMAGE, AttachmentKind.STICKER),
    Family.SOUND: (AttachmentKind.AUDIO, AttachmentKind.VOICE),
    Family.FILM: (AttachmentKind.VIDEO, AttachmentKind.STICKER),
    Family.STICKER: (AttachmentKind.STICKER,),
}

#: Formats that are ZIP archives or OLE files inside: told apart by what the sender says.
_PACKED: Final = ("application/vnd.", "application/epub", "application/msword", "application/java-archive")


#: Characters that turn the direction of what follows: `exe` reads as the beginning of a name.
_TURNS: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


@dataclass(frozen=True)
class Found:
    """What a file is: for the reader, by type, and a name with a fitting extension."""

    kind: AttachmentKind
    mime: str
    name: str


def identify(file: BinaryIO, *, name: str, said: str, kind: AttachmentKind = AttachmentKind.FILE) -> Found:
    """Return what a file is.

    What the bytes say wins; where they say nothing, what the sender said, unless they would have shown that; else
    ``application/octet-stream``. The sender's ``kind`` stays where it is one that the bytes can be.

    Args:
        file: The file; read from its beginning, and its position moves.
        name: Its name, or a path.
        said: The MIME type that the sender gives.
        kind: What the sender says it is for the reader.

    Raises:
        ContentUnsupported: it is empty, or pretends to be what it is not; with a sentence.
    """
    file.seek(0)
    head = file.read(_HEAD)
    if not head:
        raise ContentUnsupported("it is empty: ask for it to be sent again", code="media_broken")
    base = _base(name)
    found = _by_content(head, kind) or _by_word(said) or _by_word(_TYPES.guess_type(base)[0] or "") or _UNKNOWN
    found = _unpacked(found, said, base)
    refuse_disguised(file, head, found=found, claimed=_claim(base, said, kind))
    return Found(_kind(found, kind), found.mime, _named(base, found))


def rename(name: str, extension: str) -> str:
    """Give a file's name another extension."""
    return f"{PurePosixPath(name).stem}.{extension}"


def _by_content(head: bytes, kind: AttachmentKind) -> Format | None:
    found = formats.recognise(head)
    if found is not None:
        is_sound = kind in {AttachmentKind.AUDIO, AttachmentKind.VOICE}
        return formats.AS_SOUND.get(found, found) if is_sound else found
    try:
        mime = puremagic.from_string(head, mime=True)
    except puremagic.PureError:
        return None
    return _as_format(mime) if mime and mime not in _SHOWN else None


def _by_word(mime: str) -> Format | None:
    """A MIME type that somebody gave: believed, unless the bytes would have shown it."""
    mime = mime.partition(";")[0].strip().lower()
    return _as_format(mime) if mime and mime not in _SHOWN else None


def _as_format(mime: str) -> Format:
    extension = _TYPES.guess_extension(mime) or ""
    return Format(mime, (extension.lstrip("."),) if extension else (), _WORDS.get(mime.partition("/")[0], Family.OTHER))


#: Types of formats whose bytes tell them.
_SHOWN: Final = frozenset(
    one.mime for one in vars(formats).values() if isinstance(one, Format) and one.family is not Family.ARCHIVE
)


def _unpacked(found: Format, said: str, name: str) -> Format:
    """Office documents, books and packages are archives inside; which, only the sender's word or the name tells."""
    if found is not formats.ZIP:
        return found
    words = (said.lower(), _TYPES.guess_type(name)[0] or "")
    return next((_as_format(word) for word in words if word.startswith(_PACKED)), found)


def _claim(name: str, said: str, kind: AttachmentKind) -> Family | None:
    guessed = _TYPES.guess_type(name)[0] or ""
    words = (_WORDS.get(word.partition("/")[0]) for word in (said, guessed) if not word.startswith("image/svg"))
    return _CLAIMS.get(kind) or next((word for word in words if word), None)


def _kind(found: Format, said: AttachmentKind) -> AttachmentKind:
    kinds = _KINDS.get(found.family, (AttachmentKind.FILE,))
    return said if said in kinds or said is AttachmentKind.FILE else kinds[0]


def _base(name: str) -> str:
    """The last part of a path, without characters that hide or turn round what follows."""
    plain = "".join(one for one in name if not _misleads(one))
    base = PurePosixPath(plain.replace("\\", "/")).name.strip().strip(".") or "attachment"
    path = PurePosixPath(base)
    return path.stem[:_LONGEST_NAME] + path.suffix[:_LONGEST_NAME]


def _misleads(character: str) -> bool:
    """Control characters and turns of direction; joiners stay, for emoji and some scripts are made with them."""
    return unicodedata.category(character) in {"Cc", "Cs"} or unicodedata.bidirectional(character) in _TURNS


def _named(base: str, found: Format) -> str:
    suffix = PurePosixPath(base).suffix.lstrip(".").lower()
    if suffix and (suffix in found.extensions or _TYPES.guess_type(base)[0] == found.mime or not found.extensions):
        return base
    return rename(base, found.extensions[0]) if found.extensions else base
