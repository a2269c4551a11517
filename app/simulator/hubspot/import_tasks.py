"""What is remembered of imports from addresses. Times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TaskStatus(StrEnum):
    """Of an import from an address."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    CANCELED = "CANCELED"


@dataclass
class ImportTask:
    """An import from an address; `looks` counts how often somebody asked."""

    id: str
    portal_id: str
    requested_at: float
    status: TaskStatus = TaskStatus.PROCESSING
    completed_at: float | None = None
    file_id: str | None = None
    problem: str = ""
    looks: int = 0
