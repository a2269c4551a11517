"""How commands speak: aligned columns for people, JSON with stable keys for scripts, one sentence for an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from app import logs
from app.errors import ConfigurationError, RelayError
from app.relay.spans import distance

Command = TypeVar("Command", bound=Callable[..., Any])

#: Status 1: a check failed, or something was not found. Click itself ends with 2 for wrong usage.
FAILED = 1

_GAP = "  "


class Failure(click.ClickException):
    """Ends a command with status 1 and one sentence on stderr."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence."""
        click.echo(f"relay: {printable(self.message)}", file=file, err=file is None)


@dataclass(frozen=True)
class Moment:
    """A time as listings show it: seconds since 1970, seen from ``now`` of the same clock."""

    at: float
    now: float

    @property
    def iso(self) -> str:
        """ISO 8601 in UTC, to the millisecond."""
        return datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def __str__(self) -> str:
        return f"{datetime.fromtimestamp(self.at, UTC):%Y-%m-%d %H:%M:%SZ} ({distance(self.at - self.now)})"


def moment(at: float | None, now: float) -> Moment | None:
    """Return a time that may be missing."""
    return None if at is None else Moment(at, now)


def json_option(command: Command) -> Command:
    """Give a command the option ``--json``."""
    option: Callable[[Command], Command] = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return option(command)


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print a listing: the named columns for people, or everything as JSON. ``empty``: a sentence for no rows."""
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(empty)
    else:
        titles = [column.replace("_", " ").upper() for column in columns]
        print_aligned([titles, *([cell(row[column]) for column in columns] for row in rows)])


def print_fields(fields: Mapping[str, object], *, as_json: bool) -> None:
    """Print one thing: a line a field, or JSON."""
    if as_json:
        print_json(fields)
    else:
        print_aligned([[name.replace("_", " "), cell(value)] for name, value in fields.items()])


def print_aligned(lines: Sequence[Sequence[str]]) -> None:
    """Print lines of cells below one another."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo(_GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def print_markdown(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    rows = [titles, ["---"] * len(titles), *([text.replace("|", "\\|") for text in line] for line in lines)]
    for row in rows:
        click.echo(f"| {' | '.join(row)} |")


def cell(value: object) -> str:
    """Return a value as one cell of a listing."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))


def printable(text: str) -> str:
    """Return a text without line breaks and control characters: what others wrote must not steer the terminal."""
    return "".join(one if one.isprintable() else " " for one in text)


def sentence(error: ConfigurationError | RelayError) -> str:
    """Return an error for people, with the other side's own words where there are any."""
    detail = error.detail if isinstance(error, RelayError) else None
    return logs.redact(f"{error} ({detail})" if detail else str(error))


def given(value: str) -> str:
    """Return an argument's value; ``@file`` stands for what is in the file, so that secrets stay out of ``ps``.

    Raises:
        click.UsageError: the file cannot be read.
    """
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise click.UsageError(f"{value[1:]} cannot be read: {reason}.") from error


def _plain(value: object) -> object:
    if isinstance(value, Moment):
        return value.iso
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} is not for JSON")
