"""Spans of time in words."""

from __future__ import annotations

#: Up to so many seconds a span is told in this unit, of so many seconds: 90 s, but 2 min.
_UNITS = ((100.0, 1.0, "s"), (5_400.0, 60.0, "min"), (129_600.0, 3_600.0, "h"), (float("inf"), 86_400.0, "d"))


def span(seconds: float) -> str:
    """Return the length of a span for people, such as ``3 min``; the sign does not count."""
    length = abs(seconds)
    size, unit = next((size, unit) for most, size, unit in _UNITS if length < most)
    return f"{length / size:.0f} {unit}"


def distance(seconds: float) -> str:
    """Return how far a moment is from now: ``in 3 min``, ``3 min ago`` (negative) or ``now``."""
    if round(seconds) == 0:
        return "now"
    return f"in {span(seconds)}" if seconds > 0 else f"{span(seconds)} ago"
