"""Files as customers send them: what each is called, what its sender says, what it is, and what HubSpot gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.domain.message import AttachmentKind
from tests.app.media.making import (
    SECONDS,
    Shot,
    animation,
    deep_grey,
    film,
    held_sideways,
    packed,
    pages,
    picture,
    sticker,
    tone,
)

IMAGE, STICKER, VIDEO = AttachmentKind.IMAGE, AttachmentKind.STICKER, AttachmentKind.VIDEO
AUDIO, VOICE, FILE = AttachmentKind.AUDIO, AttachmentKind.VOICE, AttachmentKind.FILE

#: The corners of the scene, and of the scene where its ground is nothing.
SCENE = ("green", "blue", "red", "blue")
CUT_OUT = ("green", "clear", "red", "clear")


@dataclass(frozen=True)
class Sent:
    """A file as it is sent. ``becomes``: the type that HubSpot gets; empty: the very bytes.

    ``corners`` is what a picture shows there, ``seconds`` what is left of a recording.
    """

    name: str
    kind: AttachmentKind
    make: Callable[[], bytes]
    mime: str
    called: str
    said: str = ""
    becomes: str = ""
    corners: tuple[str, ...] = SCENE
    seconds: float = SECONDS
    found: AttachmentKind | None = None


def cut(make: Callable[[], bytes], share: float) -> bytes:
    data = make()
    return data[: int(len(data) * share)]


def followed(make: Callable[[], bytes], after: Callable[[], bytes]) -> bytes:
    return make() + after()


JPEG = partial(picture, "JPEG", quality=90)
OPUS = partial(tone, "ogg", "libopus")
AMR = partial(tone, "amr", "libopencore_amrnb", rate=8_000)
H264 = partial(film, Shot("mp4", "libx264", sound="aac"))
HEIC = partial(picture, "HEIF", quality=95)
TEXT = "id,name\n1,Zoë\n".encode()
CARD = b"BEGIN:VCARD\nVERSION:3.0\nFN:Dana\nEND:VCARD\n"

CORPUS: dict[str, Sent] = {
    # Pictures that every browser shows
    "photo": Sent("IMG_1.JPG", IMAGE, JPEG, "image/jpeg", "IMG_1.JPG", "image/jpeg"),
    "photo held upright": Sent("a.jpg", IMAGE, partial(held_sideways, "JPEG"), "image/jpeg", "a.jpg"),
    "photo without a name": Sent("", IMAGE, JPEG, "image/jpeg", "attachment.jpg"),
    "photo that says it is HEIC": Sent("IMG_2.HEIC", IMAGE, JPEG, "image/jpeg", "IMG_2.jpg", "image/heic"),
    "photo with its film": Sent("m.jpg", IMAGE, partial(followed, JPEG, H264), "image/jpeg", "m.jpg"),
    "photo that is cut off": Sent("b.jpg", IMAGE, partial(cut, JPEG, 0.5), "image/jpeg", "b.jpg"),
    "photo as a file": Sent("c.jpg", FILE, JPEG, "image/jpeg", "c.jpg"),
    "screenshot": Sent("Screen Shot.png", IMAGE, partial(picture, "PNG"), "image/png", "Screen Shot.png"),
    "screenshot named as a program": Sent("a.exe", IMAGE, partial(picture, "PNG"), "image/png", "a.png"),
    "logo": Sent("logo.png", IMAGE, partial(picture, "PNG", "RGBA"), "image/png", "logo.png"),
    "GIF": Sent("a.gif", IMAGE, partial(picture, "GIF", "P"), "image/gif", "a.gif"),
    "GIF that moves": Sent("b.gif", IMAGE, partial(animation, "GIF"), "image/gif", "b.gif"),
    "PNG that moves": Sent("c.png", IMAGE, partial(animation, "PNG"), "image/png", "c.png"),
    # Pictures that are converted
    "HEIC": Sent("IMG_3.HEIC", IMAGE, HEIC, "image/heic", "IMG_3.HEIC", becomes="image/jpeg"),
    "HEIC held upright": Sent(
        "d.heic", IMAGE, partial(held_sideways, "HEIF"), "image/heic", "d.heic", becomes="image/jpeg"
    ),
    "HEIC with transparency": Sent(
        "e.heif", IMAGE, partial(HEIC, "RGBA"), "image/heic", "e.heif", becomes="image/png", corners=CUT_OUT
    ),
    "HEIC that is cut off": Sent("f.heic", IMAGE, partial(cut, HEIC, 0.6), "image/heic", "f.heic"),
    "HEIC as a file": Sent("g.heic", FILE, HEIC, "image/heic", "g.heic"),
    "AVIF": Sent("a.avif", IMAGE, partial(picture, "AVIF"), "image/avif", "a.avif", becomes="image/jpeg"),
    "WebP": Sent("a.webp", IMAGE, partial(picture, "WEBP"), "image/webp", "a.webp", becomes="image/jpeg"),
    "WebP held upright": Sent(
        "h.webp", IMAGE, partial(held_sideways, "WEBP"), "image/webp", "h.webp", becomes="image/jpeg"
    ),
    "WebP named as a photo": Sent(
        "b.jpg", IMAGE, partial(picture, "WEBP"), "image/webp", "b.webp", becomes="image/jpeg"
    ),
    "TIFF": Sent("a.tif", IMAGE, partial(picture, "TIFF"), "image/tiff", "a.tif", becomes="image/jpeg"),
    "TIFF for print": Sent(
        "b.tiff", IMAGE, partial(picture, "TIFF", "CMYK"), "image/tiff", "b.tiff", becomes="image/jpeg"
    ),
    "TIFF of a scanner": Sent(
        "c.tiff",
        IMAGE,
        deep_grey,
        "image/tiff",
        "c.tiff",
        becomes="image/jpeg",
        corners=("black", "white", "black", "white"),
    ),
    "TIFF with pages": Sent("fax.tiff", IMAGE, pages, "image/tiff", "fax.tiff", becomes="image/jpeg"),
    "bitmap": Sent("a.bmp", IMAGE, partial(picture, "BMP"), "image/bmp", "a.bmp", becomes="image/jpeg"),
    "bitmap of few colours": Sent(
        "b.bmp", IMAGE, partial(picture, "BMP", "P"), "image/bmp", "b.bmp", becomes="image/jpeg"
    ),
    # Stickers
    "sticker": Sent(
        "s.webp",
        STICKER,
        partial(picture, "WEBP", "RGBA", lossless=True),
        "image/webp",
        "s.webp",
        becomes="image/png",
        corners=CUT_OUT,
    ),
    "sticker that moves": Sent(
        "s.webp",
        STICKER,
        partial(animation, "WEBP", lossless=True),
        "image/webp",
        "s.webp",
        becomes="image/gif",
        corners=CUT_OUT,
    ),
    "sticker that is a film": Sent(
        "s.webm",
        STICKER,
        partial(film, Shot("webm", "libvpx-vp9", "yuva420p", size=(64, 64))),
        "video/webm",
        "s.webm",
        becomes="image/gif",
        corners=CUT_OUT,
    ),
    "sticker that is drawn": Sent(
        "AnimatedSticker.tgs",
        STICKER,
        sticker,
        "application/x-tgsticker",
        "AnimatedSticker.tgs",
        becomes="image/gif",
        corners=("clear",) * 4,
    ),
    # Recordings
    "voice note": Sent("voice", VOICE, OPUS, "audio/ogg", "voice.ogg", "audio/ogg", becomes="audio/mpeg"),
    "voice note in two channels": Sent(
        "v.oga", VOICE, partial(OPUS, layout="stereo"), "audio/ogg", "v.oga", becomes="audio/mpeg"
    ),
    "voice note that is cut off": Sent(
        "w.ogg",
        VOICE,
        partial(cut, partial(OPUS, seconds=3.0), 0.8),
        "audio/ogg",
        "w.ogg",
        seconds=2.0,
        becomes="audio/mpeg",
    ),
    "voice note of WeChat": Sent("v.amr", VOICE, AMR, "audio/amr", "v.amr", becomes="audio/mpeg"),
    "voice note of a browser": Sent(
        "blob", VOICE, partial(tone, "webm", "libopus"), "audio/webm", "blob.weba", "audio/webm", becomes="audio/mpeg"
    ),
    "voice note of an old phone": Sent(
        "v.3gp",
        VOICE,
        partial(tone, "3gp", "libopencore_amrnb", rate=8_000),
        "audio/3gpp",
        "v.3gp",
        "video/3gpp",
        becomes="audio/mpeg",
    ),
    "voice note of an iPhone": Sent("v.m4a", VOICE, partial(tone, "ipod", "aac"), "audio/mp4", "v.m4a", "audio/x-m4a"),
    "voice note of iMessage": Sent(
        "Audio Message.caf",
        VOICE,
        partial(tone, "caf", "pcm_s16le", rate=44_100),
        "audio/x-caf",
        "Audio Message.caf",
        becomes="audio/mpeg",
    ),
    "caf of a Mac": Sent(
        "a.caf", AUDIO, partial(tone, "caf", "alac", rate=44_100), "audio/x-caf", "a.caf", becomes="audio/mpeg"
    ),
    "vorbis": Sent(
        "a.ogg",
        AUDIO,
        partial(tone, "ogg", "vorbis", rate=44_100, layout="stereo", strict="experimental"),
        "audio/ogg",
        "a.ogg",
        becomes="audio/mpeg",
    ),
    "wave": Sent(
        "a.wav",
        AUDIO,
        partial(tone, "wav", "pcm_s16le", rate=44_100, layout="stereo"),
        "audio/wav",
        "a.wav",
        "audio/x-wav",
        becomes="audio/mpeg",
    ),
    "wave of a telephone": Sent(
        "b.wav", AUDIO, partial(tone, "wav", "pcm_mulaw", rate=8_000), "audio/wav", "b.wav", becomes="audio/mpeg"
    ),
    "song": Sent("a.mp3", AUDIO, partial(tone, "mp3", "libmp3lame"), "audio/mpeg", "a.mp3", "audio/mp3"),
    "song without a header": Sent(
        "b.mp3", AUDIO, partial(tone, "mp3", "libmp3lame", id3v2_version="0"), "audio/mpeg", "b.mp3"
    ),
    "raw AAC": Sent("a.aac", AUDIO, partial(tone, "adts", "aac"), "audio/aac", "a.aac", becomes="audio/mpeg"),
    "FLAC": Sent(
        "a.flac", AUDIO, partial(tone, "flac", "flac", rate=44_100), "audio/flac", "a.flac", becomes="audio/mpeg"
    ),
    "AIFF": Sent("a.aif", AUDIO, partial(tone, "aiff", "pcm_s16be"), "audio/aiff", "a.aif", becomes="audio/mpeg"),
    "song in a film's container": Sent("a.mp4", AUDIO, partial(tone, "mp4", "aac"), "audio/mp4", "a.mp4", "video/mp4"),
    "SILK": Sent("v.slk", VOICE, b"\x02#!SILK_V3\x0c\x00".ljust(200, b"\x07").strip, "audio/silk", "v.slk"),
    # Videos
    "video": Sent("v.mp4", VIDEO, H264, "video/mp4", "v.mp4", "video/mp4"),
    "video of an iPhone": Sent(
        "IMG_4.MOV", VIDEO, partial(film, Shot("mov", "libx265", sound="aac")), "video/quicktime", "IMG_4.MOV"
    ),
    "video of a browser": Sent("v.webm", VIDEO, partial(film, Shot("webm", "libvpx")), "video/webm", "v.webm"),
    "video of an old phone": Sent(
        "v.3gp", VIDEO, partial(film, Shot("3gp", "h263", size=(128, 96))), "video/3gpp", "v.3gp"
    ),
    "matroska": Sent("v.mkv", VIDEO, partial(film, Shot("matroska", "libx264")), "video/x-matroska", "v.mkv"),
    "AVI": Sent("v.avi", VIDEO, partial(film, Shot("avi", "mpeg4")), "video/x-msvideo", "v.avi"),
    # Files
    "PDF": Sent("Offer.pdf", FILE, b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n".strip, "application/pdf", "Offer.pdf"),
    "PDF sent as a picture": Sent(
        "scan.jpg", IMAGE, b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n".strip, "application/pdf", "scan.pdf", found=FILE
    ),
    "Word": Sent(
        "a.docx",
        FILE,
        partial(packed, "[Content_Types].xml", "word/document.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "a.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "archive": Sent("a.zip", FILE, partial(packed, "a.txt"), "application/zip", "a.zip"),
    "table": Sent("liste.csv", FILE, TEXT.strip, "text/csv", "liste.csv", "text/csv"),
    "business card": Sent("dana.vcf", FILE, CARD.strip, "text/vcard", "dana.vcf", "text/x-vcard"),
    "page": Sent("a.html", FILE, b"<!doctype html><p>x</p>".strip, "text/html", "a.html", "text/html"),
    "drawing": Sent(
        "a.svg",
        IMAGE,
        b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'.strip,
        "image/svg+xml",
        "a.svg",
        "image/svg+xml",
        found=FILE,
    ),
    # Odd names
    "name that is a path": Sent("../../etc/c.png", IMAGE, partial(picture, "PNG"), "image/png", "c.png"),
    "name that reads backwards": Sent("\u202egnp.exe", IMAGE, partial(picture, "PNG"), "image/png", "gnp.png"),
    "name of emoji": Sent("🎉👨‍👩‍👧.jpg", IMAGE, JPEG, "image/jpeg", "🎉👨‍👩‍👧.jpg"),
    "name of dots": Sent("..", IMAGE, JPEG, "image/jpeg", "attachment.jpg"),
    "name without end": Sent("a" * 300 + ".jpg", IMAGE, JPEG, "image/jpeg", "a" * 100 + ".jpg"),
}
