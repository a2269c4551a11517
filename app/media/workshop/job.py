"""What a conversion is asked for and what it tells: all that passes between a worker and the process that converts.

Only the standard library, because that process starts for every file.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Form(StrEnum):
    """What a file is made into."""

    #: JPEG, or PNG where it is transparent, or GIF where it moves.
    PICTURE = "picture"
    #: JPEG or PNG, of what moves the first frame.
    STILL = "still"
    #: H.264 and AAC, or without sound where there is none.
    MP4 = "mp4"
    #: Every browser plays it from the first byte on, without a look at the end of the file.
    MP3 = "mp3"
    #: AAC.
    M4A = "m4a"
    #: Opus in Ogg, one channel: what messengers show as a voice note.
    VOICE = "voice"


@dataclass(frozen=True)
class Bounds:
    """How far a conversion goes. The first three are looked at before anything is decoded.

    Attributes:
        pixels: Most pixels of one picture. Phones make 50 million; each takes up to 12 bytes while it is worked on.
        frames: Most pictures of an animation that becomes one, 20 a second.
        seconds: Longest recording or video.
        edge: Longest edge of the result; a larger one is made smaller.
        bytes: Largest result.
    """

    pixels: int = 64_000_000
    frames: int = 600
    seconds: float = 10_800.0
    edge: int = 4096
    bytes: int = 20_000_000


@dataclass(frozen=True)
class Caps:
    """What the process may use: ``seconds`` by the clock and of processor time, ``memory`` bytes of address space."""

    seconds: float = 30.0
    memory: int = 1_200_000_000


class Outcome(StrEnum):
    """How a conversion ended. The value is the code of the error that it becomes."""

    DONE = "done"
    UNKNOWN = "media_unknown"
    BROKEN = "media_broken"
    BOMB = "media_bomb"
    TOO_LONG = "media_too_long"
    MISFIT = "media_misfit"


#: What happened, for the agent to read.
HINTS: Final = {
    Outcome.UNKNOWN: "nothing here can open it: ask for it in a more common format",
    Outcome.BROKEN: "it is damaged or incomplete: ask for it to be sent again",
    Outcome.BOMB: "it is far larger than it looks when it is unpacked: ask for a smaller one",
    Outcome.TOO_LONG: "it is too long to be converted: ask for it in shorter pieces",
    Outcome.MISFIT: "it cannot be made small enough: ask for a shorter or smaller one",
}


class Refused(Exception):
    """The file is not converted, and why. Becomes a ``Report``; ``hint`` where the outcome's own is too vague."""

    def __init__(self, outcome: Outcome, hint: str = "") -> None:
        super().__init__(outcome.value)
        self.outcome = outcome
        self.hint = hint or HINTS[outcome]


@dataclass(frozen=True)
class Job:
    """One conversion: the type of the file by its bytes, what it becomes, and within what."""

    mime: str
    form: Form
    bounds: Bounds = Bounds()
    caps: Caps = Caps()

    def write(self) -> str:
        """Return it as one word of a command line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def read(cls, text: str) -> Job:
        """Read what ``write`` wrote."""
        wire = json.loads(text)
        return cls(wire["mime"], Form(wire["form"]), Bounds(**wire["bounds"]), Caps(**wire["caps"]))


@dataclass(frozen=True)
class Report:
    """What became of a job.

    ``detail`` names what a library raised; ``mime`` and ``extension`` are those of the result, sizes 0 where it has
    none.
    """

    outcome: Outcome = Outcome.DONE
    hint: str = ""
    detail: str = ""
    mime: str = ""
    extension: str = ""
    width: int = 0
    height: int = 0
    seconds: float = 0.0

    def write(self) -> bytes:
        """Return it as it passes to the worker."""
        return json.dumps(dataclasses.asdict(self)).encode()

    @classmethod
    def read(cls, text: bytes) -> Report:
        """Read what ``write`` wrote.

        Raises:
            ValueError: it did not.
        """
        wire = json.loads(text)
        return cls(**wire | {"outcome": Outcome(wire["outcome"])})
