"""Videos and animations become MP4 or GIF, or the picture they begin with."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, BinaryIO, Final, cast

import av
from av.codec.context import CodecContext
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from app.media.convert import sounds
from app.media.convert.job import Bounds, Form, Outcome, Refused, Report
from app.media.convert.pictures import FRAME_TIME

#: Bits a second: enough for a phone's screen; less where the result would not fit, down to what is still recognised.
_MOST_BITS = 2_500_000
_LEAST_BITS = 150_000
#: Of the largest result, this share is planned for: rates are met on average only.
_PLANNED = 0.9
#: Frames a second of the result; phones make up to 240.
_MOST_FRAMES = 30
#: Where a video does not say how many it has.
_USUAL_RATE = 25
#: Decoders that know transparency, which FFmpeg's own leave out.
_WITH_ALPHA: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
#: How a picture is turned whose camera was held otherwise, by degrees.
_TURNS: Final = {90: (("transpose", "cclock"),), -90: (("transpose", "clock"),), 180: (("hflip", ""), ("vflip", ""))}


def first_film(container: InputContainer, bounds: Bounds) -> VideoStream:
    """Return the first track with pictures, ready to be decoded.

    Raises:
        Refused: there is none, or its pictures have more pixels than are taken.
    """
    stream = next(iter(container.streams.video), None)
    # PyAV gives a track of an unknown codec no context, whatever its types say.
    context: VideoCodecContext | None = stream.codec_context if stream is not None else None
    if stream is None or context is None:
        raise Refused(Outcome.BROKEN)
    if context.width * context.height > bounds.pixels:
        raise Refused(Outcome.BOMB)
    context.thread_count = 1
    return stream


def frames_of(container: InputContainer, bounds: Bounds) -> Iterator[tuple[Image.Image, float]]:
    """Decode a video without sound: each picture with what shines through it, and the milliseconds it is shown.

    Raises:
        Refused: its pictures have more pixels than are taken.
    """
    stream = first_film(container, bounds)
    decoder = _with_alpha(stream)
    milliseconds = 1000 / float(stream.average_rate or _USUAL_RATE)
    for packet in sounds.packets(container, stream):
        for frame in _decode(decoder, packet, bounds):
            image = frame.reformat(format="rgba").to_image()  # type: ignore[no-untyped-call]  # the library's own gap
            yield image.rotate(frame.rotation, expand=True) if frame.rotation else image, milliseconds


def _with_alpha(stream: VideoStream) -> VideoCodecContext:
    context = stream.codec_context
    if context.name not in _WITH_ALPHA:
        return context
    decoder = cast("VideoCodecContext", CodecContext.create(_WITH_ALPHA[context.name], "r"))
    decoder.extradata = context.extradata
    decoder.thread_count = 1
    return decoder


def _decode(decoder: VideoCodecContext, packet: Packet[Any], bounds: Bounds) -> list[VideoFrame]:
    """Decode one piece; nothing where it is broken, for the next one may be whole."""
    try:
        frames = decoder.decode(packet)
    except (av.FFmpegError, ValueError):
        return []
    if any(frame.width * frame.height > bounds.pixels for frame in frames):
        raise Refused(Outcome.BOMB)
    return frames


def convert(file: BinaryIO, mime: str, target: BinaryIO, bounds: Bounds) -> Report:
    """Write a video as MP4 with H.264 and AAC, upright, as large as the bounds allow.

    Raises:
        Refused: it is broken, or too long to be made small enough.
    """
    with sounds.open_media(file, mime, bounds) as container:
        stream = first_film(container, bounds)
        sound = sounds.first_sound(container)
        with open_mp4(target) as written:
            bits = _affordable((container.duration or 0) / av.time_base, bounds)
            film = _Film(written, stream, bits=bits, edge=bounds.edge)
            voice = sounds.Encoder(written, sounds.SPECS[Form.M4A], channels=1) if sound is not None else None
            for packet in sounds.packets(container, *filter(None, (stream, sound))):
                if packet.stream is stream:
                    film.write(_decode(stream.codec_context, packet, bounds))
                elif voice is not None and sound is not None:
                    voice.write(sounds.decode(sound.codec_context, packet))
                if film.seconds > bounds.seconds:
                    raise Refused(Outcome.TOO_LONG)
            film.end()
            if voice is not None:
                voice.end()
    return film.report()


def _affordable(seconds: float, bounds: Bounds) -> int:
    """Bits a second that a video of this length may take; one of unknown length is measured when it is done."""
    if not seconds:
        return _MOST_BITS
    bits = int(bounds.bytes * 8 * _PLANNED / seconds) - sounds.SPECS[Form.M4A].bits
    if bits < _LEAST_BITS:
        raise Refused(Outcome.MISFIT)
    return min(bits, _MOST_BITS)


class _Film:
    """The track with pictures. It is opened with the first picture, which alone tells how the camera was held."""

    def __init__(self, written: OutputContainer, stream: VideoStream, *, bits: int, edge: int) -> None:
        self._written = written
        self._stream = stream
        self._edge = edge
        self._track = _h264(written, bits=bits)
        self._graph: Graph | None = None
        self._frames = 0

    @property
    def seconds(self) -> float:
        """How much was written."""
        return self._frames / _MOST_FRAMES

    def write(self, frames: list[VideoFrame]) -> None:
        """Write decoded pictures."""
        for frame in frames:
            if self._graph is None:
                self._graph = self._open(frame)
            self._graph.vpush(frame)
            self._pull(self._graph)

    def end(self) -> None:
        """Write what waits to be written.

        Raises:
            Refused: there was no picture.
        """
        if self._graph is None:
            raise Refused(Outcome.BROKEN)
        self._graph.vpush(None)
        self._pull(self._graph)
        self._written.mux(self._track.encode(None))

    def report(self) -> Report:
        """Tell what was written."""
        return _mp4(self._track, self.seconds)

    def _open(self, frame: VideoFrame) -> Graph:
        """Build the way from a decoded picture to one that the encoder takes."""
        turns = _TURNS.get(round(frame.rotation / 90) * 90, ())
        is_across = len(turns) == 1
        width, height = (frame.height, frame.width) if is_across else (frame.width, frame.height)
        self._track.width, self._track.height = fitted(width, height, self._edge)
        graph = Graph()
        steps = (
            *turns,
            ("fps", str(_MOST_FRAMES)),
            ("scale", f"{self._track.width}:{self._track.height}"),
            ("setsar", "1"),
            ("format", "yuv420p"),
        )
        nodes = [graph.add(name, arguments) for name, arguments in steps]
        graph.link_nodes(graph.add_buffer(template=self._stream), *nodes, graph.add("buffersink")).configure()
        return graph

    def _pull(self, graph: Graph) -> None:
        while True:
            try:
                frame = graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            frame.pts, frame.time_base = self._frames, Fraction(1, _MOST_FRAMES)
            self._frames += 1
            self._written.mux(self._track.encode(frame))


def write_frames(frames: Iterable[Image.Image], target: BinaryIO, bounds: Bounds) -> Report:
    """Write pictures that follow one another in even steps as an MP4 on white, which knows no transparency.

    Raises:
        Refused: there is none.
    """
    step = Fraction(FRAME_TIME, 1000)
    shown = 0
    with open_mp4(target) as written:
        track = _h264(written, bits=_MOST_BITS, rate=1 / step)
        for frame in frames:
            if not shown:
                track.width, track.height = fitted(frame.width, frame.height, bounds.edge)
            image = _on_white(frame).resize((track.width, track.height))
            picture = VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # the library's own gap
            picture.pts, picture.time_base = shown, step
            written.mux(track.encode(picture))
            shown += 1
        if not shown:
            raise Refused(Outcome.BROKEN)
        written.mux(track.encode(None))
    return _mp4(track, float(shown * step))


def _mp4(track: VideoStream, seconds: float) -> Report:
    return Report(mime="video/mp4", extension="mp4", width=track.width, height=track.height, seconds=seconds)


def _on_white(frame: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", frame.size, "white")
    ground.alpha_composite(frame.convert("RGBA"))
    return ground.convert("RGB")


def fitted(width: int, height: int, edge: int) -> tuple[int, int]:
    """Return a size within an edge. H.264 halves both, so they are even."""
    scale = min(1.0, edge / max(width, height))
    return _even(width * scale), _even(height * scale)


def _even(length: float) -> int:
    return max(2, math.floor(length / 2) * 2)


def _h264(written: OutputContainer, *, bits: int, rate: Fraction | int = _MOST_FRAMES) -> VideoStream:
    track = written.add_stream("libx264", rate=rate)
    track.pix_fmt = "yuv420p"
    track.options = {"preset": "veryfast", "crf": "26", "maxrate": str(bits), "bufsize": str(2 * bits)}
    track.thread_count = 1
    return track


def open_mp4(target: BinaryIO) -> OutputContainer:
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
