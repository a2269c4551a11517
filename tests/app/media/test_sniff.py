from __future__ import annotations

from io import BytesIO

import pytest

from app.media import sniff

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"


@pytest.mark.parametrize(
    ("content", "name", "said", "expected"),
    [
        (PNG, "a.png", "image/png", ("image/png", "a.png")),
        (PNG, "invoice.exe", "application/pdf", ("image/png", "invoice.png")),
        (PDF, "", "", ("application/pdf", "attachment.pdf")),
        (b"hello", "notes.txt", "text/plain", ("text/plain", "notes.txt")),
        (b"hello", "notes.txt", "", ("text/plain", "notes.txt")),
        (b"hello", "thing", "", ("application/octet-stream", "thing.bin")),
        (b"", "empty.png", "image/png", ("image/png", "empty.png")),
        (PNG, "../../etc/passwd", "", ("image/png", "passwd.png")),
        (PNG, "C:\\photos\\a.png", "", ("image/png", "a.png")),
    ],
    ids=["agrees", "bytes win", "no name", "said", "by name", "unknown", "empty", "path", "backslashes"],
)
def test_a_file_is_told_by_its_bytes(content: bytes, name: str, said: str, expected: tuple[str, str]) -> None:
    assert sniff.identify(BytesIO(content), name=name, said=said) == expected
