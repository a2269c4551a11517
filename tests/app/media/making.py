"""Real files of many formats, made by the libraries that read and write them; and how they look and sound."""

from __future__ import annotations

import array
import gzip
import io
import json
import math
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import av
import pillow_heif
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from PIL import Image

pillow_heif.register_heif_opener()

RED, GREEN, BLUE, CLEAR = (220, 30, 30, 255), (30, 200, 30, 255), (30, 30, 220, 255), (255, 255, 255, 0)
HZ = 440
SECONDS = 0.8
#: A camera that was held upright: the picture has to be turned clockwise by 90 degrees. And where that was.
HELD_UPRIGHT, ORIENTATION, GPS = 6, 0x0112, 0x8825


def scene(size: tuple[int, int] = (96, 64), ground: tuple[int, int, int, int] = BLUE) -> Image.Image:
    """A ground with a red left half and a green corner on its upper left: turns and mirrors show."""
    image = Image.new("RGBA", size, ground)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    image.paste(GREEN, (0, 0, size[0] // 4, size[1] // 4))
    return image


def camera() -> bytes:
    """What a phone writes into a picture: how it was held, and where."""
    exif = Image.Exif()
    exif[ORIENTATION] = HELD_UPRIGHT
    exif[GPS] = {1: "N", 2: (38.0, 43.0, 0.0), 3: "W", 4: (9.0, 8.0, 0.0)}
    return exif.tobytes()


def picture(form: str, mode: str = "RGB", *, image: Image.Image | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    (image or scene(ground=CLEAR if mode in {"RGBA", "LA"} else BLUE)).convert(mode).save(file, form, **options)
    return file.getvalue()


def held_sideways(form: str, **options: Any) -> bytes:
    """The scene as a sensor sees it whose camera is held upright."""
    turned = scene().convert("RGB").transpose(Image.Transpose.ROTATE_90)
    return picture(form, image=turned, exif=camera(), **options)


def animation(form: str, *, size: tuple[int, int] = (96, 64), **options: Any) -> bytes:
    frames = [scene(size, CLEAR), scene(size).transpose(Image.Transpose.ROTATE_180), scene(size, CLEAR)]
    file = io.BytesIO()
    frames[0].save(file, form, save_all=True, append_images=frames[1:], duration=200, loop=0, **options)
    return file.getvalue()


def deep_grey() -> bytes:
    """16 bits a pixel, as scanners write: dark on the left, bright on the right."""
    values = array.array("H", ([0x2000] * 48 + [0xE000] * 48) * 64)
    return picture("TIFF", "I;16", image=Image.frombytes("I;16", (96, 64), values.tobytes()))


def pages() -> bytes:
    file = io.BytesIO()
    scene().convert("RGB").save(file, "TIFF", save_all=True, append_images=[Image.new("RGB", (10, 10))])
    return file.getvalue()


def tone(
    container: str, codec: str, *, rate: int = 48_000, layout: str = "mono", seconds: float = SECONDS, **options: str
) -> bytes:
    """A sine of ``HZ``, as any recorder would write it."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as written:
        track = cast("AudioStream", written.add_stream(codec, rate=rate, layout=layout))
        track.options = dict(options)
        written.mux(track.encode(sine(rate, layout, seconds)))
        written.mux(track.encode(None))
    return file.getvalue()


def sine(rate: int, layout: str, seconds: float) -> av.AudioFrame:
    count, channels = int(rate * seconds), {"mono": 1, "stereo": 2}[layout]
    wave = (int(12_000 * math.sin(2 * math.pi * HZ * at / rate)) for at in range(count))
    samples = array.array("h", (value for value in wave for _ in range(channels)))
    frame = av.AudioFrame(format="s16", layout=layout, samples=count)
    frame.sample_rate = rate
    frame.planes[0].update(samples.tobytes())
    return frame


@dataclass(frozen=True)
class Shot:
    """How a video is made: ``sound`` names a codec, ``turned`` the degrees by which players turn it."""

    container: str
    codec: str
    pixels: str = "yuv420p"
    sound: str = ""
    size: tuple[int, int] = (96, 64)
    frames: int = 20
    turned: int = 0


def film(shot: Shot) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=shot.container) as written:
        track = cast("VideoStream", written.add_stream(shot.codec, rate=25))
        track.width, track.height, track.pix_fmt = *shot.size, shot.pixels
        track.options = {"x265-params": "log-level=none"} if shot.codec == "libx265" else {}
        if shot.turned:
            track.set_display_rotation(shot.turned)
        voice = cast("AudioStream", written.add_stream(shot.sound, rate=48_000)) if shot.sound else None
        for number in range(shot.frames):
            written.mux(track.encode(_frame(scene(shot.size, CLEAR if "a" in shot.pixels else BLUE), shot, number)))
        written.mux(track.encode(None))
        if voice is not None:
            written.mux(voice.encode(sine(48_000, "mono", shot.frames / 25)))
            written.mux(voice.encode(None))
    return file.getvalue()


def _frame(image: Image.Image, shot: Shot, number: int) -> av.VideoFrame:
    frame = av.VideoFrame(*shot.size, "rgba")
    [plane] = frame.planes
    width = shot.size[0] * 4
    raw = image.tobytes()
    rows = (raw[at : at + width].ljust(plane.line_size, b"\0") for at in range(0, len(raw), width))
    plane.update(b"".join(rows))
    frame.pts = number
    return frame.reformat(format=shot.pixels)


def lottie(**changes: Any) -> dict[str, Any]:
    """Telegram's form of a drawing: a red square in the middle, for half a second."""
    still = {"a": 0, "k": [0, 0]}
    whole, full = {"a": 0, "k": [100, 100]}, {"a": 0, "k": 100}
    square = [
        {"ty": "rc", "d": 1, "s": {"a": 0, "k": [200, 200]}, "p": still, "r": {"a": 0, "k": 0}},
        {"ty": "fl", "c": {"a": 0, "k": [1, 0, 0, 1]}, "o": full},
        {"ty": "tr", "p": still, "a": still, "s": whole, "r": {"a": 0, "k": 0}, "o": full},
    ]
    place = {"o": full, "r": {"a": 0, "k": 0}, "p": {"a": 0, "k": [256, 256]}, "a": still, "s": whole}
    layer = {"ty": 4, "ip": 0, "op": 30, "st": 0, "sr": 1, "ks": place, "shapes": [{"ty": "gr", "it": square}]}
    return {"tgs": 1, "v": "5.5.2", "fr": 60, "ip": 0, "op": 30, "w": 512, "h": 512, "layers": [layer], **changes}


def sticker(**changes: Any) -> bytes:
    return gzip.compress(json.dumps(lottie(**changes)).encode())


def packed(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "<x/>" * 100)
    return file.getvalue()


@dataclass(frozen=True)
class Heard:
    """What a recording is when it is played."""

    codec: str
    rate: int
    channels: int
    seconds: float
    hz: float


def hear(data: bytes) -> Heard:
    """Play a recording, or a video's sound."""
    with av.open(io.BytesIO(data), "r") as container:
        track = container.streams.audio[0]
        codec, rate, channels = track.codec_context.name, track.codec_context.sample_rate, track.codec_context.channels
        resampler = av.AudioResampler("s16", "mono", 48_000)
        samples = array.array("h")
        for frame in container.decode(track):
            for one in resampler.resample(frame):
                samples.frombytes(bytes(one.planes[0])[: one.samples * 2])
    middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
    rises = sum(before < 0 <= after for before, after in pairwise(middle))
    return Heard(codec, rate, channels, len(samples) / 48_000, rises / (len(middle) / 48_000))


@dataclass(frozen=True)
class Watched:
    """What a video is when it is played: its first picture, and how many there are."""

    codec: str
    image: Image.Image
    frames: int


def watch(data: bytes) -> Watched:
    """Play a video without its sound, as players turn it."""
    with av.open(io.BytesIO(data), "r") as container:
        frames = list(container.decode(video=0))
        image: Image.Image = frames[0].to_image()  # type: ignore[no-untyped-call]  # the library's own gap
        codec = container.streams.video[0].codec_context.name
    return Watched(codec, image.rotate(frames[0].rotation, expand=True), len(frames))


def look(data: bytes) -> Image.Image:
    """Open a picture whole."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def colours(image: Image.Image) -> list[str]:
    """What stands in the four corners: upper left, upper right, lower left, lower right."""
    width, height = image.size
    plain = image.convert("RGBA")
    places = ((3, 3), (width - 4, 3), (3, height - 4), (width - 4, height - 4))
    return [_colour(cast("tuple[int, ...]", plain.getpixel(place))) for place in places]


def _colour(pixel: tuple[int, ...]) -> str:
    names = {"red": RED, "green": GREEN, "blue": BLUE, "white": (255, 255, 255, 255), "black": (0, 0, 0, 255)}
    if pixel[3] == 0:
        return "clear"
    return min(names, key=lambda name: sum(abs(a - b) for a, b in zip(pixel, names[name], strict=True)))
