"""The parts of the documentation that are written from the code, and the pages that hold them.

A page marks such a part by ``<!-- generated: NAME -->`` and ``<!-- end of generated -->``; NAME is one of ``TABLES`` or
a ``relay`` command that prints Markdown.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click
from click.testing import CliRunner

from app import errors, metrics
from app.cli import main
from app.domain.account import Options
from app.simulator import switches

PROJECT = Path(__file__).parents[1]

_BLOCK = re.compile(
    r"(?P<open><!-- generated: (?P<name>[^>]+?) -->\n)(?P<body>.*?)(?P<close><!-- end of generated -->)", re.DOTALL
)


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").glob("*.md"))]


def commands() -> dict[str, click.Command]:
    """Every command by the words that call it, such as ``accounts list``."""
    return dict(_commands(main, click.Context(main), ()))


def _commands(
    group: click.Group, context: click.Context, words: tuple[str, ...]
) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, context, (*words, name))
        elif command is not None:
            yield " ".join((*words, name)), command


def error_classes() -> list[type[Exception]]:
    """Every class of ``app.errors``, in the order of the file."""
    found = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, Exception)]
    return sorted(found, key=lambda one: inspect.getsourcelines(one)[1])


def _command_rows() -> Iterator[Sequence[str]]:
    for words, command in commands().items():
        arguments = [one.make_metavar(click.Context(command)) for one in command.params if _is_argument(one)]
        yield f"`{' '.join(['relay', words, *arguments])}`", command.get_short_help_str(200)


def _is_argument(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Argument)


def _error_rows() -> Iterator[Sequence[str]]:
    for one in error_classes():
        parent = one.__bases__[0].__name__ if issubclass(one, errors.RelayError) else ""
        code = f"`{one.code}`" if issubclass(one, errors.RelayError) else ""
        under = f"`{parent}`" if parent not in {"", "Exception"} else ""
        yield f"`{one.__name__}`", code, under, (inspect.getdoc(one) or "").partition("\n")[0]


def _metric_rows() -> Iterator[Sequence[str]]:
    for entry in metrics.catalogue():
        labels = ", ".join(f"`{label}`" for label in entry.labels)
        yield f"`{entry.name}`", entry.kind, labels, entry.description


def _switch_rows() -> Iterator[Sequence[str]]:
    for switch in switches.describe():
        others = ", ".join(f"`{value}`" for value in switch["values"] if value != switch["default"])
        yield f"`{switch['name']}`", f"`{switch['default']}`", others, switch["confidence"], switch["about"]


def _option_rows() -> Iterator[Sequence[str]]:
    for name, field in Options.model_fields.items():
        yield f"`{name}`", "on" if field.default else "off", field.description or ""


def _table(titles: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "commands": lambda: _table(["command", "does"], _command_rows()),
    "errors": lambda: _table(["class", "code", "is a", "means"], _error_rows()),
    "options": lambda: _table(["option", "unless switched", "on means"], _option_rows()),
    "metrics": lambda: _table(["metric", "kind", "labels", "counts"], _metric_rows()),
    "switches": lambda: _table(["switch", "default", "others", "sure", "what"], _switch_rows()),
}


def generate(name: str) -> str:
    """Return what a part has to be."""
    if name in TABLES:
        return TABLES[name]()
    result = CliRunner().invoke(main, name.split()[1:], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def parts(page: Path) -> dict[str, str]:
    """Return the generated parts of a page as they stand there, by name."""
    return {match["name"]: match["body"] for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))}


def write() -> None:
    """Write every generated part anew."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        written = _BLOCK.sub(lambda match: match["open"] + generate(match["name"]) + match["close"], text)
        page.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    write()
