"""``relay bench``: the benchmarks. Each starts what it needs on free ports and ends it."""

from __future__ import annotations

import fcntl
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import click
from typing_extensions import override

from app.bench.failure import BenchFailed
from app.bench.scene import SceneError
from app.bench.servers.process import ServerError
from app.bench.servers.programs import ProgramMissing

#: Where each benchmark is (``module:name``), and what ``relay bench --help`` says of it.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "receiver": ("app.bench.receiver:command", "Webhooks accepted a second, beside a Flask that does nothing."),
    "pipeline": ("app.bench.pipeline:command", "A worker's CPU time a message beside its raw parts; time end to end."),
    "scaling": ("app.bench.scaling:command", "Messages a second of one, two and four worker processes."),
    "limiter": ("app.bench.limiter:command", "Share of a limit that is used, windows above it, cost of keeping it."),
    "chaos": ("app.bench.chaos.command:command", "Kills, wipes and faults by seed; then both sides are compared."),
    "trials": ("app.bench.trials.command:command", "Promises, each held against real processes under load."),
}


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
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BenchFailed, ProgramMissing, SceneError, ServerError) as error:
            raise click.ClickException(str(error)) from error

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Benchmarks"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_Benchmarks)
@click.pass_context
def bench(ctx: click.Context) -> None:
    """Measure the relay beside its raw parts, and prove its promises under load.

    Exit status 1 when a figure misses its bar. Every benchmark takes --json. One runs at a time on a machine.
    """
    ctx.with_resource(_alone())


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other benchmark runs here: two at once measure each other."""
    with (Path(tempfile.gettempdir()) / "relay-bench.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            click.echo("Another benchmark runs on this machine; this one begins when that ends.", err=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        # A request to end has to pass through everybody who started a process, or their servers would live on.
        before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
