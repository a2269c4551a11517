"""Videos become MP4: H.264 and AAC, which everybody plays."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, BinaryIO, Final

import av
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.media.workshop import mp4, sounds
from app.media.workshop.job import Bounds, Form, Job, Outcome, Refused, Report

#: Bits a second with which a phone's picture is still recognised.
_LEAST_BITS = 150_000
#: Of the largest result, this share is planned for: rates are met on average only.
_PLANNED = 0.9
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


def decode(decoder: VideoCodecContext, packet: Packet[Any], bounds: Bounds) -> list[VideoFrame]:
    """Decode one piece; nothing where it is broken, for the next one may be whole."""
    try:
        frames = decoder.decode(packet)
    except (av.FFmpegError, ValueError):
        return []
    if any(frame.width * frame.height > bounds.pixels for frame in frames):
        raise Refused(Outcome.BOMB)
    return frames


def convert(job: Job, source: BinaryIO, target: BinaryIO) -> Report:
    """Write a video as MP4 with H.264 and AAC, upright, as large as the bounds allow.

    Raises:
        Refused: it is broken, or too long to be made small enough.
    """
    bounds = job.bounds
    with sounds.open_media(source, job) as container:
        stream = first_film(container, bounds)
        sound = sounds.first_sound(container)
        with mp4.begin(target) as written:
            bits = _affordable((container.duration or 0) / av.time_base, bounds)
            film = _Film(written, stream, bits=bits, edge=bounds.edge)
            voice = sounds.Encoder(written, sounds.SPECS[Form.M4A], channels=1) if sound is not None else None
            for packet in sounds.packets(container, *filter(None, (stream, sound))):
                if packet.stream is stream:
                    film.write(decode(stream.codec_context, packet, bounds))
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
        return mp4.MOST_BITS
    bits = int(bounds.bytes * 8 * _PLANNED / seconds) - sounds.SPECS[Form.M4A].bits
    if bits < _LEAST_BITS:
        raise Refused(Outcome.MISFIT)
    return min(bits, mp4.MOST_BITS)


class _Film:
    """The track with pictures. It is opened with the first picture, which alone tells how the camera was held."""

    def __init__(self, written: OutputContainer, stream: VideoStream, *, bits: int, edge: int) -> None:
        self._written = written
        self._stream = stream
        self._edge = edge
        self._track = mp4.add_track(written, bits=bits)
        self._graph: Graph | None = None
        self._frames = 0

    @property
    def seconds(self) -> float:
        """How much was written."""
        return self._frames / mp4.FRAME_RATE

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
        return mp4.report(self._track, self.seconds)

    def _open(self, frame: VideoFrame) -> Graph:
        """Build the way from a decoded picture to one that the encoder takes."""
        turns = _TURNS.get(round(frame.rotation / 90) * 90, ())
        is_across = len(turns) == 1
        width, height = (frame.height, frame.width) if is_across else (frame.width, frame.height)
        self._track.width, self._track.height = mp4.fitted(width, height, self._edge)
        graph = Graph()
        steps = (
            *turns,
            ("fps", str(mp4.FRAME_RATE)),
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
            frame.pts, frame.time_base = self._frames, Fraction(1, mp4.FRAME_RATE)
            self._frames += 1
            self._written.mux(self._track.encode(frame))
