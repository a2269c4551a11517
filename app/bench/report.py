"""What a benchmark says: figures as medians with their spread, each beside its bar, as a table or as JSON."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import click

#: Exit status of a benchmark with a breach.
BREACH = 1


class Bar(StrEnum):
    """How a figure is held against its bar."""

    AT_LEAST = ">="
    AT_MOST = "<="
    EXACTLY = "="


@dataclass(frozen=True)
class Figure:
    """One figure. ``values``: one of each repetition, of which the median counts.

    ``unit`` stands behind it (``x`` for a ratio). Without ``bar`` the figure is only told.
    """

    name: str
    values: Sequence[float]
    unit: str = ""
    bar: Bar | None = None
    limit: float = 0.0

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.values)

    @property
    def is_breach(self) -> bool:
        """Whether the figure misses its bar."""
        if self.bar is None:
            return False
        if self.bar is Bar.EXACTLY:
            return self.median != self.limit
        return self.median < self.limit if self.bar is Bar.AT_LEAST else self.median > self.limit

    def as_json(self) -> dict[str, Any]:
        """Return the figure with what follows from it."""
        return {**asdict(self), "median": self.median, "breach": self.is_breach}


def count(name: str, value: float, *, must_be: float | None = None, unit: str = "") -> Figure:
    """Return a figure that was counted once; ``must_be`` is its bar."""
    return Figure(name, [value], unit, None if must_be is None else Bar.EXACTLY, must_be or 0.0)


@dataclass(frozen=True)
class Report:
    """The figures of one benchmark, and sentences on what a breach was."""

    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def is_breach(self) -> bool:
        """Whether any figure misses its bar."""
        return any(one.is_breach for one in self.figures)


def show(reports: Sequence[Report], *, as_json: bool) -> int:
    """Print reports. Returns the exit status: 1 on any breach."""
    breach = any(one.is_breach for one in reports)
    if as_json:
        click.echo(json.dumps([_json(one) for one in reports], indent=2))
    else:
        for report in reports:
            _print(report)
    return BREACH if breach else 0


def _json(report: Report) -> dict[str, Any]:
    figures = [one.as_json() for one in report.figures]
    return {"title": report.title, "figures": figures, "notes": list(report.notes), "breach": report.is_breach}


def _print(report: Report) -> None:
    click.echo(f"\n{report.title}")
    rows = [_row(one) for one in report.figures]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    for row in rows:
        aligned = [row[0].ljust(widths[0]), *(one.rjust(width) for one, width in zip(row[1:], widths[1:], strict=True))]
        click.echo("  " + "  ".join(aligned).rstrip())
    for note in report.notes:
        click.echo(f"  {note}")


def _row(figure: Figure) -> tuple[str, str, str, str]:
    spread = f"({_number(min(figure.values))} to {_number(max(figure.values))})" if len(figure.values) > 1 else ""
    bar = f"{figure.bar} {_number(figure.limit)}" if figure.bar else ""
    verdict = "" if figure.bar is None else "BREACH" if figure.is_breach else "ok"
    return figure.name, f"{_number(figure.median)} {figure.unit}".strip(), spread, f"{bar}  {verdict}".strip()


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "never" if value > 0 else "none"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.1f}"  # noqa: PLR2004 - three digits are enough below
