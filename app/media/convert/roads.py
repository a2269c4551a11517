"""Which of the libraries makes what of which file. Imported only where they may run.

Importing this loads everything that they may need: afterwards the process opens no more files.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, Final

import av.subtitles.codeccontext
import av.subtitles.stream
from PIL import AvifImagePlugin, Image, ImageColor, ImagePalette, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin

from app.media.convert import drawings, films, pictures, sounds
from app.media.convert.job import Form, Job, Outcome, Refused, Report

#: What the libraries import by themselves only when a file makes them.
LOADED: Final = (
    av.subtitles.codeccontext,
    av.subtitles.stream,
    AvifImagePlugin,
    ImageColor,
    ImagePalette,
    MpoImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
Image.preinit()

_STICKER = "application/x-tgsticker"


def convert(job: Job, source: BinaryIO, target: BinaryIO) -> Report:
    """Write ``source`` into ``target`` in the job's form.

    Raises:
        Refused: it cannot be done, and why.
    """
    if job.form in sounds.SPECS and job.mime in sounds.READERS:
        return sounds.convert(source, job.mime, target, form=job.form, bounds=job.bounds)
    if job.form is Form.MP4 and job.mime in sounds.READERS:
        return films.convert(source, job.mime, target, job.bounds)
    return _picture(job, source, target)


def _picture(job: Job, source: BinaryIO, target: BinaryIO) -> Report:
    if job.mime not in pictures.READERS:
        return _moving(job, _frames(job, source), target)
    image = pictures.open_picture(source, job.mime, job.bounds)
    if job.form is not Form.STILL and pictures.moves(image):
        return _moving(job, pictures.frames_of(image), target)
    return pictures.write_still(pictures.upright(image), target, job.bounds)


def _frames(job: Job, source: BinaryIO) -> Iterator[tuple[Image.Image, float]]:
    """Decode what is no picture, and moves."""
    if job.mime == _STICKER:
        yield from drawings.frames_of(source, job.bounds)
        return
    with sounds.open_media(source, job.mime, job.bounds) as container:
        yield from films.frames_of(container, job.bounds)


def _moving(job: Job, frames: Iterator[tuple[Image.Image, float]], target: BinaryIO) -> Report:
    if job.form is Form.STILL:
        first = next(iter(islice(frames, 1)), None)
        if first is None:
            raise Refused(Outcome.BROKEN)
        return pictures.write_still(first[0], target, job.bounds)
    write = films.write_frames if job.form is Form.MP4 else pictures.write_gif
    return write(pictures.sample(frames, job.bounds), target, job.bounds)
