"""The trials there are. Each is a module of this package with a ``TRIAL``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from app.bench.trials.trial import Trial

#: Modules, in the order in which they are run. A new trial is one line.
MODULES: Final[Sequence[str]] = (
    "order",
    "refusals",
    "kills",
    "limit",
    "neighbour",
    "budget",
    "slots",
    "tokens",
    "hubspot_down",
    "service_down",
    "poison",
    "pauses",
    "black_hole",
    "redis_away",
    "memory",
    "media",
)


def trials() -> dict[str, Trial]:
    """Return every trial by its name."""
    found = (_load(module) for module in MODULES)
    return {one.name: one for one in found}


def _load(module: str) -> Trial:
    trial = import_module(f"app.bench.trials.{module}").TRIAL
    assert isinstance(trial, Trial)  # noqa: S101 - a mistake of whoever wrote the module
    return trial
