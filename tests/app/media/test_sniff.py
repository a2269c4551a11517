from __future__ import annotations

from io import BytesIO

import pytest

from app.domain.message import AttachmentKind
from app.errors import ContentUnsupported
from app.media import sniff
from app.media.sniff import Found
from tests.app.media.corpus import CORPUS, Sent

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"


@pytest.mark.parametrize(
    ("content", "name", "said", "mime", "called"),
    [
        (PNG, "a.png", "image/png", "image/png", "a.png"),
        (PNG, "invoice.exe", "application/pdf", "image/png", "invoice.png"),
        (PDF, "", "", "application/pdf", "attachment.pdf"),
        (b"hello", "notes.txt", "text/plain", "text/plain", "notes.txt"),
        (b"hello", "notes.txt", "", "text/plain", "notes.txt"),
        (b"hello", "thing", "", "application/octet-stream", "thing.bin"),
        (b"hello", "photo.png", "image/png", "application/octet-stream", "photo.bin"),
        (b"<!---->" * 585 + b"x", "a.txt", "", "text/plain", "a.txt"),
        (PNG, "C:\\photos\\a.png", "", "image/png", "a.png"),
    ],
    ids=["agrees", "bytes win", "no name", "said", "by name", "unknown", "said and is not", "comments", "backslashes"],
)
def test_a_file_is_told_by_its_bytes(content: bytes, name: str, said: str, mime: str, called: str) -> None:
    assert sniff.identify(BytesIO(content), name=name, said=said) == Found(AttachmentKind.FILE, mime, called)


@pytest.mark.parametrize("sent", CORPUS.values(), ids=CORPUS)
def test_what_customers_send_is_known(sent: Sent) -> None:
    found = sniff.identify(BytesIO(sent.make()), name=sent.name, said=sent.said, kind=sent.kind)
    assert found == Found(sent.found or sent.kind, sent.mime, sent.called)


def test_the_corpus_is_large_enough_to_be_worth_its_name() -> None:
    assert len(CORPUS) >= 40


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(ContentUnsupported, match="it is empty"):
        sniff.identify(BytesIO(b""), name="a.png", said="image/png")


@pytest.mark.parametrize(
    ("said", "expected"),
    [(AttachmentKind.STICKER, AttachmentKind.STICKER), (AttachmentKind.VOICE, AttachmentKind.IMAGE)],
)
def test_a_kind_stays_where_the_bytes_can_be_it(said: AttachmentKind, expected: AttachmentKind) -> None:
    assert sniff.identify(BytesIO(PNG), name="", said="", kind=said).kind is expected
