from __future__ import annotations

import gzip
import struct
from functools import partial
from io import BytesIO

import pytest

from app.domain.message import AttachmentKind
from app.errors import ContentUnsupported
from app.media import sniff
from tests.app.media.making import packed, picture, tone

IMAGE, VOICE, VIDEO, FILE = AttachmentKind.IMAGE, AttachmentKind.VOICE, AttachmentKind.VIDEO, AttachmentKind.FILE
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'
JPEG = partial(picture, "JPEG")


def svg(inside: str) -> bytes:
    return SVG.format(inside).encode()


def commented(text: bytes) -> bytes:
    """A photo with a comment at its beginning."""
    photo = JPEG()
    return photo[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + photo[2:]


def promise(width: int, height: int) -> bytes:
    """The header of a PNG of that size, and nothing in it."""
    return (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x06\x00\x00\x00" + bytes(40)
    )


DISGUISED = {
    "drawing with a script": ("a.svg", FILE, svg("<script>alert(1)</script>")),
    "drawing with a handler": ("a.svg", IMAGE, svg('<rect onload="alert(1)"/>')),
    "drawing with a page inside": ("a.svg", IMAGE, svg("<foreignObject><p/></foreignObject>")),
    "drawing with a link to elsewhere": ("a.svg", IMAGE, svg('<image xlink:href="https://tracker.test/a.png"/>')),
    "drawing with a link to a script": ("a.svg", IMAGE, svg('<a href=" JavaScript:alert(1)"><path/></a>')),
    "drawing that loads a style": ("a.svg", IMAGE, svg("<style>@import 'https://tracker.test/a.css'</style>")),
    "drawing that fetches a fill": ("a.svg", IMAGE, svg('<path style="fill:url(https://tracker.test/f)"/>')),
    "drawing that changes a link": ("a.svg", IMAGE, svg('<set attributeName="href" to="x"/>')),
    "drawing with entities": ("a.svg", IMAGE, b'<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + svg("<text>&a;</text>")),
    "drawing with a style sheet": ("a.svg", IMAGE, b'<?xml-stylesheet href="a.css"?>' + svg("")),
    "drawing that cannot be read": ("a.svg", IMAGE, svg("<g>")),
    "page as a picture": ("a.jpg", IMAGE, b"  <!-- x --><!DOCTYPE html><script>alert(1)</script>"),
    "page of wide characters as a picture": ("a.jpg", IMAGE, "<html><body>".encode("utf-16")),
    "page as a file that is named as a picture": ("a.png", FILE, b"<html><body>"),
    "archive named as a photo": ("photo.jpg", FILE, packed("a.txt")),
    "archive as a voice note": ("v.ogg", VOICE, gzip.compress(bytes(1_000_000))),
    "program as a video": ("v.mp4", VIDEO, b"\x7fELF\x02\x01\x01" + bytes(50)),
    "script as a picture": ("a.png", IMAGE, b"#!/bin/sh\nrm -rf /\n"),
    "photo that is an archive too": ("a.jpg", IMAGE, JPEG() + packed("a.class")),
    "song that is an archive too": ("a.mp3", AttachmentKind.AUDIO, tone("mp3", "libmp3lame") + packed("a.txt")),
    "photo that is a page too": ("a.jpg", IMAGE, commented(b"<script>alert(1)</script>")),
    "photo that is a program of a server too": ("a.jpg", IMAGE, commented(b"<?php system($_GET[0]); ?>")),
    "photo that is a PDF too": ("a.jpg", IMAGE, commented(b"%PDF-1.4 1 0 obj")),
}


@pytest.mark.parametrize(("name", "kind", "content"), DISGUISED.values(), ids=DISGUISED)
def test_a_file_that_pretends_is_refused_with_a_sentence(name: str, kind: AttachmentKind, content: bytes) -> None:
    with pytest.raises(ContentUnsupported, match=r"^it (is|says) .+: ask for it in another way$") as caught:
        sniff.identify(BytesIO(content), name=name, said="", kind=kind)
    assert caught.value.reason == "media_disguised"


TAME = {
    "drawing": ("a.svg", IMAGE, svg('<defs><g id="a"/></defs><use href="#a"/><path fill="url(#b)"/>')),
    "drawing with a picture in it": ("a.svg", IMAGE, svg('<image href="data:image/png;base64,AA=="/>')),
    "drawing with a title": (
        "a.svg",
        IMAGE,
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->" + svg("<title>a</title>"),
    ),
    "archive as a file": ("a.zip", FILE, packed("a.txt")),
    "page as a file": ("a.html", FILE, b"<html><script>1</script>"),
    "photo with words at its end": ("a.jpg", IMAGE, JPEG() + b"PK\x05\x06 and no archive"),
    "photo with a comment": ("a.jpg", IMAGE, commented(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>")),
    "large picture": ("a.png", IMAGE, promise(12_000, 9_000)),
}


@pytest.mark.parametrize(("name", "kind", "content"), TAME.values(), ids=TAME)
def test_a_file_that_is_what_it_seems_is_let_through(name: str, kind: AttachmentKind, content: bytes) -> None:
    assert sniff.identify(BytesIO(content), name=name, said="", kind=kind).name == name


@pytest.mark.parametrize(
    "content", [promise(100_000, 100_000), b"GIF89a\xff\xff\xff\xff" + bytes(20)], ids=["PNG", "GIF"]
)
def test_a_picture_that_unpacks_to_gigabytes_is_refused_by_its_header(content: bytes) -> None:
    with pytest.raises(ContentUnsupported, match="far too large when it is unpacked") as caught:
        sniff.identify(BytesIO(content), name="a", said="", kind=IMAGE)
    assert caught.value.reason == "media_bomb"
