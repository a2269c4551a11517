"""What ends a benchmark before it has its figures."""

from __future__ import annotations


class BenchFailed(Exception):
    """A benchmark could not measure; the message says what stood in its way."""
