"""What becomes of a file before it goes on: itself, or what the other side can show instead."""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO

from app import logs, metrics
from app.errors import ContentUnsupported
from app.media import sniff
from app.media.convert import KEEPS_ORIGINAL, Caps, convert
from app.media.sniff import Found
from app.media.targets import Target
from app.relay.services import Services

log = logs.get_logger(__name__)

_PIECE = 1_000_000


def made_for(
    services: Services, target: Target, file: BinaryIO, found: Found, *, until: ExitStack
) -> tuple[BinaryIO, Found]:
    """Return what a target shows of a file: itself, or what it is made into; that one lives as long as ``until``.

    A file that cannot be converted and does no harm is passed on as it is.

    Raises:
        ContentUnsupported: it may do harm.
    """
    form = target.form(found)
    if form is None:
        return file, found
    settings = services.settings
    bounds = replace(target.bounds, bytes=min(settings.media_limit, target.bounds.bytes))
    caps = Caps(seconds=settings.conversion_seconds, memory=settings.conversion_memory)
    try:
        done = until.enter_context(convert(file, found.mime, form, bounds=bounds, caps=caps))
    except ContentUnsupported as error:
        metrics.CONVERSIONS.labels(form=form.value, outcome=error.reason).inc()
        if error.reason not in KEEPS_ORIGINAL:
            raise
        log.warning("media_not_converted", form=form.value, mime=found.mime, code=error.reason, detail=error.detail)
        return file, found
    metrics.CONVERSIONS.labels(form=form.value, outcome="done").inc()
    return done.file, replace(found, mime=done.report.mime, name=sniff.rename(found.name, done.report.extension))


def size_of(file: BinaryIO) -> int:
    """Return a file's size in bytes; its position is its beginning then."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def sameness(file: BinaryIO, found: Found, *place: object) -> str:
    """Return what two files have in common that become the same at a place: 64 hexadecimal characters."""
    file.seek(0)
    content = hashlib.sha256()
    while piece := file.read(_PIECE):
        content.update(piece)
    words = (*map(str, place), content.hexdigest(), found.kind.value, suffix_of(found.name))
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()


def suffix_of(name: str) -> str:
    """Return the extension of a file's name, without its dot."""
    return PurePosixPath(name).suffix.lstrip(".").lower()
