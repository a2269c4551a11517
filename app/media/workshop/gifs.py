"""Pictures that follow one another, in even steps, and how they are written as a GIF."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from PIL import Image

from app.media.workshop.job import Bounds, Outcome, Refused, Report

#: Each picture is shown for so long (milliseconds): GIF counts in hundredths, and browsers slow down below two.
FRAME_TIME: Final = 50
#: A longer edge would make it very large; half of it is tried when it still is.
_EDGE = 480
_HALVINGS = 3


def sample(frames: Iterable[tuple[Image.Image, float]], bounds: Bounds) -> Iterator[Image.Image]:
    """Show an animation in even steps of ``FRAME_TIME``.

    Raises:
        Refused: it lasts for more steps than are taken.
    """
    clock, shown = 0.0, 0
    for frame, milliseconds in frames:
        clock += max(milliseconds, 1.0)
        while shown * FRAME_TIME < clock:
            if shown >= bounds.frames:
                raise Refused(Outcome.TOO_LONG)
            yield frame
            shown += 1


def write(frames: Iterable[Image.Image], target: BinaryIO, bounds: Bounds) -> Report:
    """Write pictures that follow one another as a GIF that repeats.

    Raises:
        Refused: there is none, or they cannot be made small enough.
    """
    edge = min(bounds.edge, _EDGE)
    shown = [_smaller(frame, edge) for frame in frames]
    if not shown:
        raise Refused(Outcome.BROKEN)
    for _ in range(_HALVINGS):
        encoded = _encode(shown)
        if len(encoded) <= bounds.bytes:
            target.write(encoded)
            width, height = shown[0].size
            seconds = len(shown) * FRAME_TIME / 1000
            return Report(mime="image/gif", extension="gif", width=width, height=height, seconds=seconds)
        edge = max(shown[0].size) // 2
        shown = [_smaller(frame, edge) for frame in shown]
    raise Refused(Outcome.MISFIT)


def _encode(shown: list[Image.Image]) -> bytes:
    file = io.BytesIO()
    first, *rest = shown
    first.save(file, "GIF", save_all=True, append_images=rest, duration=FRAME_TIME, loop=0, disposal=2)
    return file.getvalue()


def _smaller(frame: Image.Image, edge: int) -> Image.Image:
    smaller = frame.copy()
    smaller.thumbnail((edge, edge), Image.Resampling.BILINEAR)
    return smaller
