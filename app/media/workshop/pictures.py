"""Pictures become JPEG, PNG or GIF: upright, without what a camera writes about place and person."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

import pillow_heif

# Those that Pillow imports by itself only when a file makes it.
from PIL import (
    AvifImagePlugin,
    Image,
    ImageCms,
    ImageColor,
    ImageOps,
    ImagePalette,
    MpoImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from app.media.workshop import gifs
from app.media.workshop.job import Bounds, Form, Job, Outcome, Refused, Report
from app.media.workshop.roads import PICTURES

LOADED: Final = (AvifImagePlugin, ImageColor, ImagePalette, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin)


#: Tried in this order until the result is small enough, and then with half the edge.
_QUALITIES: Final = (88, 75, 60)
_HALVINGS = 3
_OPAQUE = 255

Image.preinit()
pillow_heif.register_heif_opener(thumbnails=False)
pillow_heif.options.DECODE_THREADS = 1
Image.MAX_IMAGE_PIXELS = None  # the bounds are checked instead, for each picture and before it is decoded


def convert(job: Job, source: BinaryIO, target: BinaryIO) -> Report:
    """Write a picture as JPEG, PNG or GIF.

    Raises:
        Refused: it is broken, too large, or cannot be made small enough.
    """
    image = open_picture(source, job)
    if job.form is not Form.STILL and moves(image):
        return gifs.write(gifs.sample(frames_of(image), job.bounds), target, job.bounds)
    return write_still(upright(image), target, job.bounds)


def open_picture(file: BinaryIO, job: Job) -> Image.Image:
    """Read a picture's header.

    Raises:
        Refused: there is none, or it promises more pixels than are taken.
    """
    try:
        image = Image.open(file, formats=PICTURES[job.mime])
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise Refused(Outcome.BROKEN) from error
    if image.width * image.height > job.bounds.pixels:
        raise Refused(Outcome.BOMB)
    return image


def moves(image: Image.Image) -> bool:
    """Whether it is an animation. Pages of a document and both eyes of a camera are none."""
    return image.format in {"GIF", "PNG", "WEBP", "AVIF"} and bool(getattr(image, "is_animated", False))


def upright(image: Image.Image) -> Image.Image:
    """Decode a picture: turned as the camera was held, in 8 bits of sRGB, with alpha only where it is used.

    Raises:
        Refused: it is broken.
    """
    try:
        image.load()
        turned = ImageOps.exif_transpose(image)
        return _plain(_in_srgb(turned))
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise Refused(Outcome.BROKEN) from error


def _in_srgb(image: Image.Image) -> Image.Image:
    """Phones take pictures in wider colours, and without their profile those would look pale."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in {"RGB", "RGBA", "CMYK"}:
        return image
    mode = "RGB" if image.mode == "CMYK" else image.mode
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        changed = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return image
    return changed if changed is not None else image


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        least, _ = image.getchannel("A").getextrema()
        return image if isinstance(least, int | float) and least < _OPAQUE else image.convert("RGB")
    return image.convert("RGB")


def write_still(image: Image.Image, target: BinaryIO, bounds: Bounds) -> Report:
    """Write a decoded picture: PNG where it is transparent, else JPEG; as small as it has to be.

    Raises:
        Refused: it cannot be made small enough.
    """
    for encoded, size, mime in _attempts(image, bounds):
        if len(encoded) <= bounds.bytes:
            target.write(encoded)
            return Report(
                mime=mime, extension=mime.removeprefix("image/").replace("jpeg", "jpg"), width=size[0], height=size[1]
            )
    raise Refused(Outcome.MISFIT)


def _attempts(image: Image.Image, bounds: Bounds) -> Iterator[tuple[bytes, tuple[int, int], str]]:
    edge = bounds.edge
    for _ in range(_HALVINGS):
        image.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=3.0)
        if image.mode == "RGBA":
            yield _encode(image, "PNG", optimize=True), image.size, "image/png"
        else:
            for quality in _QUALITIES:
                yield _encode(image, "JPEG", quality=quality, progressive=False), image.size, "image/jpeg"
        edge = max(image.size) // 2


def _encode(image: Image.Image, name: str, **options: object) -> bytes:
    file = io.BytesIO()
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    bare.save(file, name, **options)
    return file.getvalue()


def frames_of(image: Image.Image) -> Iterator[tuple[Image.Image, float]]:
    """Decode an animation: each picture, and the milliseconds for which it is shown.

    Raises:
        Refused: it is broken.
    """
    number = 0
    while True:
        try:
            image.seek(number)
            frame = image.convert("RGBA")
        except EOFError:
            return
        except (OSError, ValueError, SyntaxError, RuntimeError) as error:
            raise Refused(Outcome.BROKEN) from error
        yield frame, float(image.info.get("duration") or 100)
        number += 1
