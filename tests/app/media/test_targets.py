from __future__ import annotations

import pytest

from app.domain.message import AttachmentKind
from app.media.convert import Form
from app.media.sniff import Found
from app.media.targets import HUBSPOT

IMAGE, VOICE, VIDEO, FILE = AttachmentKind.IMAGE, AttachmentKind.VOICE, AttachmentKind.VIDEO, AttachmentKind.FILE


@pytest.mark.parametrize(
    ("kind", "mime", "form"),
    [
        (IMAGE, "image/jpeg", None),
        (IMAGE, "image/heic", Form.PICTURE),
        (AttachmentKind.STICKER, "video/webm", Form.PICTURE),
        (VOICE, "audio/mp4", None),
        (VOICE, "audio/ogg", Form.MP3),
        (VIDEO, "video/quicktime", None),
        (FILE, "image/heic", None),
    ],
)
def test_only_what_hubspot_would_not_show_is_converted(kind: AttachmentKind, mime: str, form: Form | None) -> None:
    assert HUBSPOT.form(Found(kind, mime, "a")) is form


@pytest.mark.parametrize(
    ("kind", "mime", "shown"),
    [
        (IMAGE, "image/jpeg", True),
        (IMAGE, "image/heic", False),
        (IMAGE, "application/pdf", False),
        (VOICE, "audio/mpeg", True),
        (VOICE, "audio/silk", False),
        (VIDEO, "video/webm", True),
        (FILE, "application/pdf", True),
    ],
)
def test_hubspot_is_told_a_kind_only_where_it_can_show_it(kind: AttachmentKind, mime: str, *, shown: bool) -> None:
    assert HUBSPOT.shows(kind, mime) is shown
