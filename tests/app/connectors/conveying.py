"""The corpus on its way to a messaging service: what the media queue makes of a file, and whether it is the same."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.domain.capability import Capabilities
from app.domain.message import AttachmentKind
from app.errors import ContentUnsupported
from app.media import sniff
from app.media.convert import Caps, convert
from app.media.targets import service_target
from tests.app.connectors.uploading import Bytes
from tests.app.media.corpus import CORPUS, Sent
from tests.app.media.making import HZ, colours, hear, look, watch

#: What the bytes alone do not allow to decode: it is cut off, or nothing here plays it.
OPAQUE = {"photo that is cut off", "HEIC that is cut off", "SILK"}


def prepared(title: str, can: Capabilities) -> tuple[AttachmentKind, Bytes, bytes]:
    """Return a file of the corpus as a service gets it: its kind, itself, and the bytes that it was made of."""
    sent = CORPUS[title]
    data = sent.make()
    found = sniff.identify(io.BytesIO(data), name=sent.name, said=sent.said, kind=sent.kind)
    target = service_target(found.kind, can.attachments[found.kind])
    as_it_is = Bytes(found.name, found.mime, data)
    form = target.form(found)
    if form is None:
        shown = not target.takes or found.mime in target.takes
        return found.kind if shown else AttachmentKind.FILE, as_it_is, data
    try:
        with spooled(data) as source, convert(source, found.mime, form, bounds=target.bounds, caps=Caps()) as done:
            name = sniff.rename(found.name, done.report.extension)
            return found.kind, Bytes(name, done.report.mime, done.file.read()), data
    except ContentUnsupported:
        return AttachmentKind.FILE, as_it_is, data


@contextmanager
def spooled(data: bytes) -> Iterator[tempfile.SpooledTemporaryFile[bytes]]:
    """A file as the media queue fetches it."""
    with tempfile.SpooledTemporaryFile(1_000_000) as file:
        file.write(data)
        yield file


def check(title: str, mime: str, got: bytes, *, original: bytes) -> None:
    """Fail unless these bytes are the original, or show and sound the same when they are decoded."""
    sent = CORPUS[title]
    if got != original:
        assert mime != sent.mime
        assert title not in OPAQUE
    family = mime.partition("/")[0]
    if family == "image" and mime != "image/svg+xml" and title not in OPAQUE:
        _look(sent, mime, got)
    elif family == "audio" and title not in OPAQUE:
        heard = hear(got)
        assert heard.hz == pytest.approx(HZ, rel=0.03)
        assert heard.seconds == pytest.approx(sent.seconds, abs=0.15)
    elif family == "video":
        assert watch(got).frames >= 3


def _look(sent: Sent, mime: str, got: bytes) -> None:
    """A picture that was not converted may be turned by its viewer only: then its corners stand elsewhere."""
    image = look(got)
    if mime == sent.mime and image.getexif().get(0x0112, 1) != 1:
        assert image.size == (64, 96)
        return
    found = colours(image)
    assert found == list(sent.corners) or (sent.mime == mime and len(set(found)) > 1)
