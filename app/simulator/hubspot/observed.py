"""What clients were seen doing."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

# Calls remembered per app and portal, for the limits and for the assertion about the busiest window.
CALLS_KEPT = 200_000


@dataclass
class Observations:
    """What clients did, for the assertions."""

    refreshes: Counter[str] = field(default_factory=Counter)
    bearer_at_file_host: int = 0
    key_on_oauth_endpoint: int = 0
    duplicate_publishes: int = 0
    calls: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    granted: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    daily: Counter[tuple[str, str]] = field(default_factory=Counter)
