"""What people may write as an option's value."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import click
from typing_extensions import override

from app.domain.account import Options

Command = TypeVar("Command", bound=Callable[..., Any])

_AGO = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


class _Id(click.IntRange):
    name = "number"


#: One of our ids, or one of HubSpot's that is a number: what a database takes for one.
ID: Final = _Id(1, 2**63 - 1)


class Time(click.ParamType[Any]):
    """A time: ``30m`` means that long ago, else ISO 8601, in UTC where it names no zone. Seconds since 1970."""

    name = "time"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        ago = _AGO.fullmatch(value)
        if ago:
            return time.time() - int(ago[1]) * _SECONDS[ago[2]]
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time: write 30m, 2h, 3d or 2026-11-22T10:00.", param, ctx)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class Pair(click.ParamType[Any]):
    """``key=value``."""

    name = "key=value"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, rest = value.partition("=")
        if not (key and equals):
            self.fail(f"{key!r} needs a value: write {key or 'key'}=value or {key or 'key'}=@file.", param, ctx)
        return key, rest


class Switch(click.ParamType[Any]):
    """``name=on`` or ``name=off``, of an account's options."""

    name = "name=on|off"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, bool]:
        if isinstance(value, tuple):
            return value
        name, _, word = value.partition("=")
        name = name.replace("-", "_")
        if name not in Options.model_fields:
            known = ", ".join(Options.model_fields)
            self.fail(f"There is no option {name!r}. There are: {known}.", param, ctx)
        if word.lower() not in {"on", "off"}:
            self.fail(f"{name} is switched by {name}=on or {name}=off.", param, ctx)
        return name, word.lower() == "on"


def limit_option(default: int) -> Callable[[Command], Command]:
    """Return the option ``--limit``."""
    shown = click.IntRange(1, 100_000)
    return click.option("--limit", type=shown, default=default, show_default=True, help="List at most so many.")


def account_argument(command: Command) -> Command:
    """Give a command the argument that names an account."""
    argument: Callable[[Command], Command] = click.argument("account_id", metavar="ID", type=ID)
    return argument(command)


def account_option(command: Command) -> Command:
    """Give a command the option ``--account``."""
    option: Callable[[Command], Command] = click.option("--account", type=ID, help="Only of this account (our id).")
    return option(command)


def since_option(command: Command) -> Command:
    """Give a command the option ``--since``."""
    option: Callable[[Command], Command] = click.option("--since", type=Time(), help="30m, 2h, 3d or a date and time.")
    return option(command)


def thread_option(command: Command) -> Command:
    """Give a command the option ``--thread``."""
    option: Callable[[Command], Command] = click.option("--thread", help="Only of this thread (our id).")
    return option(command)
