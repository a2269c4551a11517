"""Telegram's animated stickers: gzipped Lottie drawings of 512 by 512 pixels, at most 3 seconds.

https://core.telegram.org/stickers#animation-requirements
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from PIL import Image
from rlottie_python.rlottie_wrapper import LottieAnimation

from app.media.workshop.gifs import FRAME_TIME
from app.media.workshop.job import Bounds, Outcome, Refused

#: Telegram takes 64 KB packed; what unpacks to more than this is no sticker.
_LARGEST = 4_000_000
#: Deeper than any drawing, and less than what overflows the reader's stack.
_DEEPEST = 100
_EDGE: Final = 512


def frames_of(file: BinaryIO, bounds: Bounds) -> Iterator[tuple[Image.Image, float]]:
    """Draw a sticker in even steps: each picture, and the milliseconds for which it is shown.

    Raises:
        Refused: it is broken, or no drawing that Telegram would take.
    """
    animation = LottieAnimation.from_data(_read(file))
    frames, rate = animation.lottie_animation_get_totalframe(), animation.lottie_animation_get_framerate()
    if not (frames > 0 and rate > 0):
        raise Refused(Outcome.BROKEN)
    steps = max(1, round(frames / rate * 1000 / FRAME_TIME))
    if steps > bounds.frames:
        raise Refused(Outcome.TOO_LONG)
    for step in range(steps):
        number = min(int(step * FRAME_TIME / 1000 * rate), frames - 1)
        yield animation.render_pillow_frame(number, width=_EDGE, height=_EDGE), float(FRAME_TIME)


def _read(file: BinaryIO) -> str:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(file.read(_LARGEST), _LARGEST)
        if unpacker.unconsumed_tail:
            raise Refused(Outcome.BOMB)
        drawing = json.loads(text)
    except (zlib.error, ValueError, RecursionError) as error:
        raise Refused(Outcome.BROKEN) from error
    if not isinstance(drawing, dict) or not isinstance(drawing.get("layers"), list):
        raise Refused(Outcome.BROKEN)
    _require_tame(drawing, _DEEPEST)
    return text.decode()


def _require_tame(value: Any, depth: int) -> None:
    """Refuse what a sticker never has: pictures in other files, which the library would open, and endless nesting."""
    if depth == 0:
        raise Refused(Outcome.BROKEN)
    if isinstance(value, dict):
        if isinstance(value.get("p"), str) and ("u" in value or "e" in value):
            raise Refused(Outcome.BROKEN)
        for one in value.values():
            _require_tame(one, depth - 1)
    elif isinstance(value, list):
        for one in value:
            _require_tame(one, depth - 1)
