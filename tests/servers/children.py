"""The processes that a test process started, so that what is left of them can be found."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def children() -> set[int]:
    """Return the ids of the processes that this one started and that still run or wait to be asked for their end."""
    found: set[int] = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # it has ended meanwhile
            found |= {int(word) for word in (thread / "children").read_text().split()}
    return found


def with_variable(text: str) -> set[int]:
    """Return the ids of all processes that were given an environment in which this stands."""
    found: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is somebody else's
            if text.encode() in (process / "environ").read_bytes():
                found.add(int(process.name))
    return found
