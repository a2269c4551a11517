"""Random and mutated files through the whole way: told by their bytes, and converted where HubSpot would not show them.

An ordinary run takes 200 of them; ``MEDIA_FUZZ=2000`` in the environment takes as many as it says.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from app.domain.message import AttachmentKind
from app.errors import ContentUnsupported
from app.media import sniff
from app.media.convert import KEEPS_ORIGINAL, Bounds, Caps, convert
from app.media.targets import HUBSPOT
from tests.app.media.corpus import CORPUS
from tests.app.media.opened import open_files

FILES, BATCH = int(os.environ.get("MEDIA_FUZZ", "200")), 25
#: Deep enough for every decoder, small enough for a machine that does other things too.
BOUNDS, CAPS = Bounds(pixels=4_000_000, frames=40, seconds=60.0, bytes=1_000_000), Caps(seconds=10.0)
#: What the caller may grow by (bytes): a file and its copy, and what Python keeps.
GROWTH = 16_000_000
#: The codes of files that are not passed on.
REFUSED = frozenset({"media_disguised", "media_bomb"})


@cache
def whole(title: str) -> bytes:
    return CORPUS[title].make()


def mutate(data: bytes, draw: random.Random) -> bytes:
    """Break a file as networks and attackers do: flipped bytes, great numbers, pieces lost, repeated or of others."""
    broken = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 5, 20, 100])):
        at = draw.randrange(len(broken))
        match draw.randrange(6):
            case 0:
                broken[at] ^= 1 << draw.randrange(8)
            case 1:
                broken[at : at + 4] = draw.choice(
                    [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), b"\x00\x00\xff\xff"]
                )
            case 2:
                broken[at:at] = broken[: draw.randrange(1, 200)]
            case 3:
                del broken[at : min(at + draw.randrange(1, 200), len(broken) - 64)]
            case 4:
                broken[at : at + 32] = draw.randbytes(32)
            case _:
                other = whole(draw.choice(list(CORPUS)))
                broken[at:at] = other[: draw.randrange(1, 300)]
    return bytes(broken)


#: What a library raises about a broken file is none of these; our own mistakes are.
BUGS = frozenset({"NameError", "AttributeError", "ImportError", "ModuleNotFoundError", "AssertionError", "status 1"})


def convey(title: str, data: bytes) -> str:
    """Do with a file what the media worker does; return what became of it."""
    sent = CORPUS[title]
    with tempfile.SpooledTemporaryFile(1_000_000) as file, ExitStack() as stack:
        spool = cast("BinaryIO", file)
        spool.write(data)
        try:
            found = sniff.identify(spool, name=sent.name, said=sent.said, kind=sent.kind)
            form = HUBSPOT.form(found)
            if form is None:
                return "as it is"
            done = stack.enter_context(convert(spool, found.mime, form, bounds=BOUNDS, caps=CAPS))
        except ContentUnsupported as error:
            return f"{error.reason}, a bug: {error.detail}" if error.detail in BUGS else error.reason
        assert 0 < done.size <= BOUNDS.bytes
        assert sniff.identify(done.file, name="", said="", kind=AttachmentKind.FILE).mime == done.report.mime
        return "converted"


def resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("batch", range(FILES // BATCH))
def test_no_file_ends_the_caller_or_leaves_anything_behind(
    batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    draw = random.Random(batch)
    titles = list(CORPUS)
    for title in titles:
        whole(title)
    convey("photo", whole("photo"))
    open_before, memory_before = open_files(), resident()
    outcomes: Counter[str] = Counter()
    for number in range(BATCH):
        title = draw.choice(titles)
        data = draw.randbytes(draw.randrange(1, 5000)) if number % 5 == 0 else mutate(whole(title), draw)
        outcomes[convey(title, data)] += 1
        assert list(tmp_path.iterdir()) == []
    assert outcomes.keys() <= {"as it is", "converted"} | KEEPS_ORIGINAL | REFUSED, outcomes
    assert open_files() <= open_before
    assert resident() - memory_before < GROWTH
