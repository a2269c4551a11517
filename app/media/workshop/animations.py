"""What moves and is no ordinary video.

Animated pictures become MP4; videos and drawn stickers become GIF; all of them become the still that they begin with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import BinaryIO, Final, cast

from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from app.media.workshop import drawings, films, gifs, mp4, pictures, sounds
from app.media.workshop.job import Bounds, Form, Job, Outcome, Refused, Report
from app.media.workshop.roads import PICTURES, STICKER

#: Decoders that know transparency, which FFmpeg's own leave out.
_WITH_ALPHA: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
#: Frames a second, where a video does not say how many it has.
_USUAL_RATE = 25

#: A picture, and the milliseconds for which it is shown.
Shown = tuple[Image.Image, float]


def convert(job: Job, source: BinaryIO, target: BinaryIO) -> Report:
    """Write an animation as GIF, MP4 or still.

    Raises:
        Refused: it is broken, too large, or too long.
    """
    frames = _frames(job, source)
    if job.form is Form.STILL:
        first = next(frames, None)
        if first is None:
            raise Refused(Outcome.BROKEN)
        return pictures.write_still(first[0], target, job.bounds)
    write = _write_mp4 if job.form is Form.MP4 else gifs.write
    return write(gifs.sample(frames, job.bounds), target, job.bounds)


def _frames(job: Job, source: BinaryIO) -> Iterator[Shown]:
    if job.mime == STICKER:
        yield from drawings.frames_of(source, job.bounds)
    elif job.mime in PICTURES:
        yield from pictures.frames_of(pictures.open_picture(source, job))
    else:
        yield from _film(job, source)


def _film(job: Job, source: BinaryIO) -> Iterator[Shown]:
    """Decode a video without its sound and with its transparency."""
    with sounds.open_media(source, job) as container:
        stream = films.first_film(container, job.bounds)
        decoder = _with_alpha(stream)
        milliseconds = 1000 / float(stream.average_rate or _USUAL_RATE)
        for packet in sounds.packets(container, stream):
            for frame in films.decode(decoder, packet, job.bounds):
                image = _as_image(frame)
                yield image.rotate(frame.rotation, expand=True) if frame.rotation else image, milliseconds


def _with_alpha(stream: VideoStream) -> VideoCodecContext:
    context = stream.codec_context
    if context.name not in _WITH_ALPHA:
        return context
    decoder = cast("VideoCodecContext", CodecContext.create(_WITH_ALPHA[context.name], "r"))
    decoder.extradata = context.extradata
    decoder.thread_count = 1
    return decoder


def _as_image(frame: VideoFrame) -> Image.Image:
    """A decoded picture in Pillow's form; PyAV's own way to it knows no transparency."""
    plane = frame.reformat(format="rgba").planes[0]
    return Image.frombytes("RGBA", (frame.width, frame.height), bytes(plane), "raw", "RGBA", plane.line_size)


def _write_mp4(frames: Iterable[Image.Image], target: BinaryIO, bounds: Bounds) -> Report:
    """Write pictures that follow one another in even steps as an MP4 on white, which knows no transparency.

    Raises:
        Refused: there is none.
    """
    step = Fraction(gifs.FRAME_TIME, 1000)
    shown = 0
    with mp4.begin(target) as written:
        track = mp4.add_track(written, bits=mp4.MOST_BITS, rate=1 / step)
        for frame in frames:
            if not shown:
                track.width, track.height = mp4.fitted(frame.width, frame.height, bounds.edge)
            image = _on_white(frame).resize((track.width, track.height))
            picture = VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # the library's own gap
            picture.pts, picture.time_base = shown, step
            written.mux(track.encode(picture))
            shown += 1
        if not shown:
            raise Refused(Outcome.BROKEN)
        written.mux(track.encode(None))
    return mp4.report(track, float(shown * step))


def _on_white(frame: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", frame.size, "white")
    ground.alpha_composite(frame.convert("RGBA"))
    return ground.convert("RGB")
