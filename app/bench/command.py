"""``relay bench``: the benchmarks. Each starts what it needs on free ports and ends it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final, cast

import click
from typing_extensions import override

#: Where each benchmark is (``module:name``), and what ``relay bench --help`` says of it.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {}


class _Benchmarks(click.Group):
    """Benchmarks, each imported when it is called."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        return cast("click.Command", getattr(import_module(module), name))

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Benchmarks"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_Benchmarks)
def bench() -> None:
    """Measure the relay beside its raw parts, and prove its promises under load.

    Exit status 1 when a figure misses its bar. Every benchmark takes --json.
    """
