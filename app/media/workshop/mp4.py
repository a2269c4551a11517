"""How an MP4 is written."""

from __future__ import annotations

import math
import os
from fractions import Fraction
from typing import BinaryIO, Final

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from app.media.workshop.job import Report

#: Bits a second that are enough for a phone's screen.
MOST_BITS: Final = 2_500_000
#: Frames a second; phones make up to 240.
FRAME_RATE: Final = 30


def report(track: VideoStream, seconds: float) -> Report:
    """Tell what was written."""
    return Report(mime="video/mp4", extension="mp4", width=track.width, height=track.height, seconds=seconds)


def fitted(width: int, height: int, edge: int) -> tuple[int, int]:
    """Return a size within an edge. H.264 halves both, so they are even."""
    scale = min(1.0, edge / max(width, height))
    return _even(width * scale), _even(height * scale)


def _even(length: float) -> int:
    return max(2, math.floor(length / 2) * 2)


def add_track(written: OutputContainer, *, bits: int, rate: Fraction | int = FRAME_RATE) -> VideoStream:
    """Add a track of H.264; its size is set when the first picture is known."""
    track = written.add_stream("libx264", rate=rate)
    track.pix_fmt = "yuv420p"
    track.options = {"preset": "veryfast", "crf": "26", "maxrate": str(bits), "bufsize": str(2 * bits)}
    track.thread_count = 1
    return track


def begin(target: BinaryIO) -> OutputContainer:
    """Begin an MP4 whose index comes first, so that it plays before it is there.

    FFmpeg writes the index last and then moves everything by its length; for that it reads the file again.
    """

    def read_again(url: str, flags: int, options: dict[str, str]) -> _Again:  # noqa: ARG001 - FFmpeg names nothing
        return _Again(target.fileno())

    return av.open(target, "w", format="mp4", options={"movflags": "faststart"}, io_open=read_again)


class _Again:
    """Reads a file that somebody else writes, from its beginning and without moving the other's position."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def read(self, size: int) -> bytes:
        data = os.pread(self._descriptor, size, self._position)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._position = bases[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        """Leave the file open: it is not ours."""
