"""Recordings become MP3, M4A or a voice note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, cast

import av

# PyAV imports these by itself only when a file has such a track.
import av.subtitles.codeccontext
import av.subtitles.stream
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from app.media.workshop.job import Form, Job, Outcome, Refused, Report
from app.media.workshop.roads import CONTAINERS

#: A recording that is cut off is worth passing on from this length (seconds).
_SHORTEST = 0.02


@dataclass(frozen=True)
class Spec:
    """How sound is written. ``channels``: at most so many, ``bits``: a second for each of them."""

    container: str
    codec: str
    rate: int
    channels: int
    bits: int
    mime: str
    extension: str
    options: dict[str, str] = field(default_factory=dict)


SPECS: Final = {
    Form.MP3: Spec("mp3", "libmp3lame", 44_100, 2, 64_000, "audio/mpeg", "mp3"),
    Form.M4A: Spec("ipod", "aac", 44_100, 2, 64_000, "audio/mp4", "m4a"),
    Form.VOICE: Spec("ogg", "libopus", 48_000, 1, 32_000, "audio/ogg", "ogg", {"application": "voip"}),
}


def open_media(file: BinaryIO, job: Job) -> InputContainer:
    """Read a container's header.

    Raises:
        Refused: there is none, or it says that it lasts longer than is taken.
    """
    try:
        container = av.open(file, "r", format=CONTAINERS[job.mime], metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        raise Refused(Outcome.BROKEN) from error
    if container.duration is not None and container.duration / av.time_base > job.bounds.seconds:
        raise Refused(Outcome.TOO_LONG)
    return container


def first_sound(container: InputContainer) -> AudioStream | None:
    """Return the first track with sound, ready to be decoded; None where there is none."""
    stream = next(iter(container.streams.audio), None)
    # PyAV gives a track of an unknown codec no context, whatever its types say.
    context: AudioCodecContext | None = stream.codec_context if stream is not None else None
    if stream is None or context is None or not context.sample_rate:
        return None
    stream.codec_context.thread_count = 1
    return stream


def packets(container: InputContainer, *streams: Stream) -> Iterator[Packet[Any]]:
    """Read pieces of tracks; what is cut off ends there."""
    try:
        yield from container.demux(*streams)
    except (av.FFmpegError, ValueError):
        return


def decode(context: AudioCodecContext, packet: Packet[Any]) -> list[AudioFrame]:
    """Decode one piece; nothing where it is broken, as players do: the next one may be whole."""
    try:
        return context.decode(packet)
    except (av.FFmpegError, ValueError):
        return []


class Encoder:
    """Writes frames as one track. A recording may change its rate or channels on the way."""

    def __init__(self, written: OutputContainer, spec: Spec, *, channels: int) -> None:
        self.samples = 0
        self._written = written
        layout = ("mono", "stereo")[channels - 1]
        self._track = cast("AudioStream", written.add_stream(spec.codec, rate=spec.rate, layout=layout))
        self._rate = spec.rate
        self._track.bit_rate = spec.bits * channels
        self._track.options = dict(spec.options)
        self._resampler: AudioResampler | None = None
        self._given: tuple[str, str, int] | None = None

    @property
    def seconds(self) -> float:
        """How much was written."""
        return self.samples / self._rate

    def write(self, frames: Iterable[AudioFrame]) -> None:
        """Write decoded frames."""
        for frame in frames:
            given = (frame.format.name, frame.layout.name, frame.sample_rate)
            if given != self._given:
                self._flush()
                size = self._track.codec_context.frame_size or None
                self._resampler = AudioResampler(self._track.format, self._track.layout, self._rate, size)
                self._given = given
            frame.pts = None
            if self._resampler is not None:
                self._encode(self._resampler.resample(frame))

    def end(self) -> None:
        """Write what waits to be written."""
        self._flush()
        self._written.mux(self._track.encode(None))

    def _flush(self) -> None:
        if self._resampler is not None:
            self._encode(self._resampler.resample(None))

    def _encode(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            # The first resampler's own count would begin anew with the next.
            frame.pts = self.samples
            self.samples += frame.samples
            self._written.mux(self._track.encode(frame))


def convert(job: Job, source: BinaryIO, target: BinaryIO) -> Report:
    """Write a recording, or a video's sound, in another form.

    Raises:
        Refused: there is no sound in it, or too much.
    """
    spec = SPECS[job.form]
    with open_media(source, job) as container:
        stream = first_sound(container)
        if stream is None:
            raise Refused(Outcome.BROKEN)
        with av.open(target, "w", format=spec.container) as written:
            encoder = Encoder(written, spec, channels=min(spec.channels, stream.codec_context.channels or 1))
            for packet in packets(container, stream):
                encoder.write(decode(stream.codec_context, packet))
                if encoder.seconds > job.bounds.seconds:
                    raise Refused(Outcome.TOO_LONG)
            encoder.end()
    if encoder.seconds < _SHORTEST:
        raise Refused(Outcome.BROKEN)
    return Report(mime=spec.mime, extension=spec.extension, seconds=encoder.seconds)
