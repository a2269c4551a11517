"""What lies in a folder of spool files, for people and metrics. Looks only; needs no lock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.storage.spool import ASIDE, DAMAGED, JOURNAL, content_of, progress, size_of


@dataclass(frozen=True)
class Survey:
    """What lies there.

    ``records`` and ``size`` (bytes) wait; ``aside`` records could not be used; ``damaged`` files hold unreadable lines.
    """

    records: int
    size: int
    aside: int
    damaged: int


def journals(folder: Path) -> list[Path]:
    """Return the files of a folder that records may wait in, the oldest first."""
    return sorted(folder.glob(f"*{JOURNAL}"))


def survey(folder: Path) -> Survey:
    """Count what lies in a folder, reading every file; nothing where there is no folder."""
    return Survey(
        records=sum(_count(path, progress(path)) for path in journals(folder)),
        size=waiting_bytes(folder),
        aside=sum(_count(path, 0) for path in folder.glob(f"*{ASIDE}")),
        damaged=sum(1 for _ in folder.glob(f"*{DAMAGED}")),
    )


def waiting_bytes(folder: Path) -> int:
    """Return how many bytes wait in all files of a folder."""
    return sum(max(0, size_of(path) - progress(path)) for path in journals(folder))


def _count(path: Path, start: int) -> int:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return sum(content_of(line) is not None for line in file)
    except FileNotFoundError:
        return 0
