"""HubSpot is away for half an hour: its breaker opens, no attempt is burnt, and everything arrives in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from app.bench.load import Side
from app.bench.report import Bar, Figure, Report, count
from app.bench.trials.outage import FACTOR, Outage, counts, outage
from app.bench.trials.trial import Options, Trial

_LANES: Final = 40
_ROUNDS: Final = 10
_MINUTES: Final = 30
#: A breaker opens after failures in three lanes, nothing behind it is charged to a message, the last call is.
_ATTEMPTS: Final = 4
#: The last probe may just have failed, and the next one comes a minute later by the relay's clock: two real seconds.
#: The rest is work, and takes as long as this machine needs for it.
_BAR: Final = 60.0

#: How HubSpot can be away.
_WAYS: Final[Mapping[str, Callable[[Outage], None]]] = {
    "answers 503": lambda one: one.fault("hubspot", "/", {"kind": "status", "status": 503}),
    "refuses connections": lambda one: one.gates.hubspot.refuse(),
    "never answers": lambda one: one.gates.hubspot.silence(),
}


def run(options: Options) -> Report:
    """Let customers write into each kind of outage."""
    figures: list[Figure] = []
    notes: list[str] = []
    for how, begin in _WAYS.items():
        with outage(options, options.scaled(_LANES, least=4)) as one:
            found, said = _write_into(one, how, begin, rounds=options.scaled(_ROUNDS, least=2), scale=options.scale)
        figures += found
        notes += said
    return Report(f"HubSpot down for {_MINUTES} minutes at {FACTOR:g} times the pace", figures, notes)


def _write_into(
    one: Outage, how: str, begin: Callable[[Outage], None], *, rounds: int, scale: float
) -> tuple[list[Figure], list[str]]:
    seconds = max(_MINUTES * 60 * min(scale, 1.0) / FACTOR, 6.0)
    before = one.calls("publish")
    with one.watching_breakers():
        begin(one)
        one.write(Side.CUSTOMER, rounds=rounds, seconds=seconds)
        calls = one.calls("publish") - before
        one.mend()
        drained = one.settle()
    never, notes = counts(one.ledger())
    figures = [
        count("messages", rounds * len(one.load.conversations)),
        count("a breaker opened", bool(one.opened), must_be=1),
        count("calls to HubSpot meanwhile", calls),
        Figure("most attempts charged to a message", [one.most_attempts()], "", Bar.AT_MOST, _ATTEMPTS),
        Figure("all arrived after", [drained], "s", Bar.AT_MOST, _BAR),
        *never,
    ]
    return [_named(how, each) for each in figures], [f"{how}: {each}" for each in notes]


def _named(how: str, one: Figure) -> Figure:
    return Figure(f"{how}: {one.name}", one.values, one.unit, one.bar, one.limit)


TRIAL: Final = Trial("hubspot-down", "half an hour without HubSpot at 30 times the pace, customers in 40 lanes", run)
