"""The formats that the relay knows by their bytes, and how each begins.

Sources: the formats' own specifications; brands of ISO media files: https://mp4ra.org/registered-types/brands
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Family(StrEnum):
    """What a format is to whoever opens it. Its value is the word for it in a sentence."""

    PICTURE = "a picture"
    SOUND = "a recording"
    FILM = "a video"
    STICKER = "a drawn sticker"
    DOCUMENT = "a document"
    DRAWING = "an SVG drawing"
    ARCHIVE = "an archive"
    PAGE = "a web page"
    PROGRAM = "a program"
    OTHER = "another file"


#: What is looked at or listened to, and never unpacked or run.
MEDIA: Final = frozenset({Family.PICTURE, Family.SOUND, Family.FILM, Family.STICKER})


@dataclass(frozen=True)
class Format:
    """A kind of file. The first of ``extensions`` is given to a file that has none of them."""

    mime: str
    extensions: tuple[str, ...]
    family: Family


def _format(mime: str, extensions: str, family: Family) -> Format:
    return Format(mime, tuple(extensions.split()), family)


JPEG: Final = _format("image/jpeg", "jpg jpeg jpe jfif", Family.PICTURE)
PNG: Final = _format("image/png", "png apng", Family.PICTURE)
GIF: Final = _format("image/gif", "gif", Family.PICTURE)
WEBP: Final = _format("image/webp", "webp", Family.PICTURE)
BMP: Final = _format("image/bmp", "bmp dib", Family.PICTURE)
TIFF: Final = _format("image/tiff", "tiff tif", Family.PICTURE)
HEIC: Final = _format("image/heic", "heic heif", Family.PICTURE)
AVIF: Final = _format("image/avif", "avif", Family.PICTURE)
MP3: Final = _format("audio/mpeg", "mp3 mpga", Family.SOUND)
M4A: Final = _format("audio/mp4", "m4a m4b mp4", Family.SOUND)
OGG: Final = _format("audio/ogg", "ogg oga opus spx", Family.SOUND)
WAV: Final = _format("audio/wav", "wav", Family.SOUND)
AAC: Final = _format("audio/aac", "aac", Family.SOUND)
AMR: Final = _format("audio/amr", "amr", Family.SOUND)
CAF: Final = _format("audio/x-caf", "caf", Family.SOUND)
FLAC: Final = _format("audio/flac", "flac", Family.SOUND)
AIFF: Final = _format("audio/aiff", "aiff aif", Family.SOUND)
SILK: Final = _format("audio/silk", "silk slk", Family.SOUND)
SOUND_3GP: Final = _format("audio/3gpp", "3gp", Family.SOUND)
SOUND_WEBM: Final = _format("audio/webm", "weba webm", Family.SOUND)
MP4: Final = _format("video/mp4", "mp4 m4v", Family.FILM)
QUICKTIME: Final = _format("video/quicktime", "mov qt", Family.FILM)
FILM_3GP: Final = _format("video/3gpp", "3gp 3g2", Family.FILM)
WEBM: Final = _format("video/webm", "webm", Family.FILM)
MATROSKA: Final = _format("video/x-matroska", "mkv", Family.FILM)
FILM_OGG: Final = _format("video/ogg", "ogv", Family.FILM)
AVI: Final = _format("video/x-msvideo", "avi", Family.FILM)
TGS: Final = _format("application/x-tgsticker", "tgs", Family.STICKER)
SVG: Final = _format("image/svg+xml", "svg", Family.DRAWING)
HTML: Final = _format("text/html", "html htm xhtml", Family.PAGE)
PDF: Final = _format("application/pdf", "pdf", Family.DOCUMENT)
ZIP: Final = _format("application/zip", "zip", Family.ARCHIVE)
GZIP: Final = _format("application/gzip", "gz tgz", Family.ARCHIVE)

#: The same container without a picture track, for a sender who says that it is a recording.
AS_SOUND: Final = {MP4: M4A, QUICKTIME: M4A, FILM_3GP: SOUND_3GP, WEBM: SOUND_WEBM, MATROSKA: SOUND_WEBM}

#: A beginning, after so many bytes, and what it begins. The first that fits counts.
_BEGINNINGS: Final[tuple[tuple[int, bytes, Format], ...]] = (
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (0, b"GIF87a", GIF),
    (0, b"GIF89a", GIF),
    (0, b"BM", BMP),
    (0, b"II*\x00", TIFF),
    (0, b"MM\x00*", TIFF),
    (0, b"ID3", MP3),
    (0, b"#!AMR", AMR),
    (0, b"#!SILK_V3", SILK),
    (1, b"#!SILK_V3", SILK),
    (0, b"caff", CAF),
    (0, b"fLaC", FLAC),
    (0, b"%PDF-", PDF),
    (0, b"PK\x03\x04", ZIP),
    (0, b"PK\x05\x06", ZIP),
    (0, b"\x1f\x8b", GZIP),
    (0, b"Rar!\x1a\x07", _format("application/vnd.rar", "rar", Family.ARCHIVE)),
    (0, b"7z\xbc\xaf\x27\x1c", _format("application/x-7z-compressed", "7z", Family.ARCHIVE)),
    (0, b"\xfd7zXZ\x00", _format("application/x-xz", "xz", Family.ARCHIVE)),
    (0, b"BZh", _format("application/x-bzip2", "bz2", Family.ARCHIVE)),
    (257, b"ustar", _format("application/x-tar", "tar", Family.ARCHIVE)),
    (0, b"MZ", _format("application/vnd.microsoft.portable-executable", "exe dll scr com", Family.PROGRAM)),
    (0, b"\x7fELF", _format("application/x-executable", "elf so", Family.PROGRAM)),
    (0, b"\xcf\xfa\xed\xfe", _format("application/x-mach-binary", "macho", Family.PROGRAM)),
    (0, b"\xca\xfe\xba\xbe", _format("application/java-vm", "class", Family.PROGRAM)),
    (0, b"#!/", _format("text/x-shellscript", "sh", Family.PROGRAM)),
    (0, b"<?php", _format("application/x-httpd-php", "php", Family.PROGRAM)),
)

_BRANDS: Final = {
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), HEIC),
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P ", b"F4A "), M4A),
    b"qt  ": QUICKTIME,
}
_RIFF: Final = {b"WEBP": WEBP, b"WAVE": WAV, b"AVI ": AVI}
_ATOMS: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})

#: What stands in front of a page's or a drawing's first element. Possessive, or comments without end take for ever.
_BEFORE_MARKUP = rb"\A(?:\xef\xbb\xbf)?(?>\s|<\?xml[^>]*>|<!--.*?-->|<!doctype\s+svg[^\[>]*(?:\[.*?\]\s*)?>)*+"
_SVG = re.compile(_BEFORE_MARKUP + rb"<(?:\w+:)?svg[\s>/]", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(
    _BEFORE_MARKUP
    + rb"<(?:!doctype\s+html|html|head|body|script|iframe|meta|title|style|img|a|div|p|object|embed)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)


def recognise(head: bytes) -> Format | None:
    """Return the format that a file's first bytes (4 KiB say enough) begin; None where they say nothing."""
    looks = (_container, _beginning, _ogg, _mpeg_audio, _markup)
    return next((found for look in looks if (found := look(head)) is not None), None)


def _beginning(head: bytes) -> Format | None:
    for offset, mark, found in _BEGINNINGS:
        if head.startswith(mark, offset) and (mark != b"BM" or head[6:10] == bytes(4)):
            return TGS if found is GZIP and _is_sticker(head) else found
    return None


def _is_sticker(head: bytes) -> bool:
    """Telegram's animated stickers are gzipped JSON with a field of their own: core.telegram.org/stickers."""
    try:
        return b'"tgs"' in zlib.decompressobj(wbits=31).decompress(head, 4096)
    except zlib.error:
        return False


def _container(head: bytes) -> Format | None:
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head.startswith(b"FORM") and head[8:12] in {b"AIFF", b"AIFC"}:
        return AIFF
    if head.startswith(b"\x1aE\xdf\xa3"):
        return WEBM if b"webm" in head[:64] else MATROSKA
    return _iso_media(head) if head[4:8] == b"ftyp" or head[4:8] in _ATOMS else None


def _iso_media(head: bytes) -> Format:
    if head[4:8] != b"ftyp":
        return QUICKTIME
    size = min(max(int.from_bytes(head[:4]), 16), 256)
    brands = [head[at : at + 4] for at in (8, *range(16, size, 4))]
    if brands[0] in {b"mif1", b"msf1"} and {b"avif", b"avis"} & set(brands):
        return AVIF
    if brands[0].startswith((b"3gp", b"3g2", b"3ge")):
        return FILM_3GP
    return _BRANDS.get(brands[0], MP4)


def _ogg(head: bytes) -> Format | None:
    if not head.startswith(b"OggS"):
        return None
    return FILM_OGG if b"\x80theora" in head[:512] else OGG


def _mpeg_audio(head: bytes) -> Format | None:
    """Recordings without a header: a frame's sync word and fields that are not reserved."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:  # noqa: PLR2004 - eleven set bits
        return None
    layer, rate_index = head[1] >> 1 & 3, head[2] >> 4
    if layer == 0:
        return AAC if head[1] & 0xF0 == 0xF0 else None  # noqa: PLR2004 - ADTS has twelve
    return MP3 if rate_index not in {0, 15} and head[2] >> 2 & 3 != 3 else None  # noqa: PLR2004 - reserved values


def _markup(head: bytes) -> Format | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode()
    tests: tuple[tuple[Callable[[bytes], object], Format], ...] = ((_SVG.match, SVG), (_HTML.match, HTML))
    return next((found for test, found in tests if test(head)), None)
