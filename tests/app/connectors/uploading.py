"""Files as the media queue hands them to a connector, and forms as a service reads them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from werkzeug.formparser import parse_form_data
from werkzeug.test import EnvironBuilder

from app.conformance.server import Seen


@dataclass
class Bytes:
    """A file in memory; ``opened`` counts how often it was read from its beginning."""

    name: str
    mime: str
    content: bytes
    link: str = "https://relay.example/media/token"
    opened: int = field(default=0, compare=False)
    claimed: int | None = None

    @property
    def size(self) -> int:
        """Bytes, or what a test claims."""
        return len(self.content) if self.claimed is None else self.claimed

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Give the bytes."""
        self.opened += 1
        with io.BytesIO(self.content) as file:
            yield file


@dataclass(frozen=True)
class Form:
    """A multipart form: its texts, and its one file with the field that it is in."""

    texts: dict[str, str]
    field: str
    name: str
    mime: str
    content: bytes


def form_of(request: Seen) -> Form:
    """Read a request as a service does; fails where it is no form with one file."""
    environ = EnvironBuilder(
        method=request.method, headers=list(request.headers.items()), input_stream=io.BytesIO(request.body)
    ).get_environ()
    _, texts, files = parse_form_data(environ)
    [(name, file)] = files.items()
    content = file.read()
    file.close()
    return Form(texts.to_dict(), name, file.filename or "", file.mimetype, content)
