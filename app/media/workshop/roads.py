"""Which library makes what of which file. Importing a road loads all that it may need: later no file can be opened."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import BinaryIO, Final, cast

from app.media.workshop.job import Form, Job, Outcome, Refused, Report

#: Writes a job's result from one file to another. Raises ``Refused``.
Road = Callable[[Job, BinaryIO, BinaryIO], Report]

#: FFmpeg's reader for each type with sound or pictures in time. Nothing else is tried: lists that name other files
#: have readers too.
CONTAINERS: Final = {
    "audio/3gpp": "mov",
    "audio/aac": "aac",
    "audio/aiff": "aiff",
    "audio/amr": "amr",
    "audio/flac": "flac",
    "audio/mp4": "mov",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/webm": "matroska",
    "audio/x-caf": "caf",
    "video/3gpp": "mov",
    "video/mp4": "mov",
    "video/ogg": "ogg",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
}
#: Pillow's readers for each type of picture. Nothing else is tried, whatever the bytes look like.
PICTURES: Final = {
    "image/avif": ("AVIF",),
    "image/bmp": ("BMP", "DIB"),
    "image/gif": ("GIF",),
    "image/heic": ("HEIF",),
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/tiff": ("TIFF",),
    "image/webp": ("WEBP",),
}
STICKER: Final = "application/x-tgsticker"

_SOUND: Final = frozenset({Form.MP3, Form.M4A, Form.VOICE})


def find(job: Job) -> Road:
    """Return the road of a job.

    Raises:
        Refused: nothing here opens such a file.
    """
    if job.mime in CONTAINERS and job.form in _SOUND:
        return _load("sounds")
    if job.mime in CONTAINERS and job.form is Form.MP4:
        return _load("films")
    if job.mime in PICTURES and job.form is not Form.MP4 and job.form not in _SOUND:
        return _load("pictures")
    if (job.mime in CONTAINERS or job.mime in PICTURES or job.mime == STICKER) and job.form not in _SOUND:
        return _load("animations")
    raise Refused(Outcome.UNKNOWN)


def _load(name: str) -> Road:
    return cast("Road", importlib.import_module(f"app.media.workshop.{name}").convert)
