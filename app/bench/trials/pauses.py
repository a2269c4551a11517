"""What HubSpot says of a whole portal or account pauses it: no attempt is burnt, and all is delivered afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from app.bench import scene
from app.bench.load import Side
from app.bench.report import Bar, Figure, Report, count
from app.bench.trials.outage import FACTOR, Outage, counts, outage
from app.bench.trials.trial import Options, Trial
from app.storage.tables import attempts

_LANES: Final = 20
_ROUNDS: Final = 3
#: Minutes of the relay's clock for which HubSpot refuses.
_MINUTES: Final = 4.0
#: The wait that HubSpot asks for while it moves a portal (seconds, by the relay's clock).
_MOVE: Final = 120
#: An attempt is counted when a call begins and given back when it was nobody's fault: the call that succeeds is one.
_ATTEMPTS: Final = 1
#: A lane of each slot may be in a call when the first refusal comes; later ones are probes.
_CALLS: Final = 60
#: Credentials that were refused are probed after 1, 2, 5 and 15 minutes by the relay's clock, so within five real
#: minutes of its clock after four minutes of pause; an account's own event lifts its pause at once.
_BAR: Final = 40.0


@dataclass(frozen=True)
class _Refusal:
    """How HubSpot refuses, and how that is mended."""

    begin: Callable[[Outage], None]
    mend: Callable[[Outage], None] = lambda one: one.mend()


def _status(status: int, body: Mapping[str, Any] | None = None, **more: Any) -> _Refusal:
    fault = {"kind": "status", "status": status, "body": None if body is None else json.dumps(body), **more}
    return _Refusal(lambda one: one.fault("hubspot", "/messages", fault))


def _switch(one: Outage, *, active: bool) -> None:
    account = one.cluster.accounts[0].hubspot_id
    scene.ask(one.http, "POST", f"{one.cluster.page}/_sim/channel-accounts/{account}/active", {"active": active})


_FORBIDDEN: Final = {"status": "error", "message": "This app may not do this.", "category": "FORBIDDEN"}
_NO_CHANNEL: Final = {
    "status": "error",
    "message": "Channel 1001 not found",
    "category": "OBJECT_NOT_FOUND",
    "subCategory": "ChannelIntegrationMessagePublishError.CHANNEL_DOES_NOT_EXIST",
}
_REFUSALS: Final[Mapping[str, _Refusal]] = {
    "477": _status(477, retry_after=_MOVE),
    "423": _status(423),
    "403": _status(403, _FORBIDDEN),
    "404 for the channel": _status(404, _NO_CHANNEL),
    "inactive account": _Refusal(lambda one: _switch(one, active=False), lambda one: _switch(one, active=True)),
}


def run(options: Options) -> Report:
    """Let customers write into each kind of refusal."""
    figures: list[Figure] = []
    notes: list[str] = []
    rounds = options.scaled(_ROUNDS, least=2)
    with outage(options, options.scaled(_LANES, least=5)) as one:
        for at, (how, refusal) in enumerate(_REFUSALS.items()):
            found, said = _pause(one, refusal, rounds=rounds, first=1 + at * rounds)
            figures += [Figure(f"{how}: {each.name}", each.values, each.unit, each.bar, each.limit) for each in found]
            notes += [f"{how}: {each}" for each in said]
        never, broken = counts(one.ledger())
    title = f"Pauses: HubSpot refuses a portal or an account for {_MINUTES:g} minutes at {FACTOR:g} times the pace"
    return Report(title, [*figures, *never], [*notes, *broken])


def _pause(one: Outage, refusal: _Refusal, *, rounds: int, first: int) -> tuple[list[Figure], list[str]]:
    taken = select(func.count()).where(attempts.c.purpose == "publish", attempts.c.outcome == "ok")
    refused = select(func.count()).where(attempts.c.purpose == "publish", attempts.c.outcome != "ok")
    before, taken_before = one.number(refused), one.number(taken)
    refusal.begin(one)
    one.write(Side.CUSTOMER, rounds=rounds, seconds=_MINUTES * 60 / FACTOR, first=first)
    calls, meanwhile = one.number(refused) - before, one.number(taken) - taken_before
    refusal.mend(one)
    drained = one.settle()
    figures = [
        count("messages that HubSpot took meanwhile", meanwhile, must_be=0),
        Figure("refused calls", [calls], "", Bar.AT_MOST, _CALLS),
        Figure("most attempts charged to a message", [one.most_attempts()], "", Bar.AT_MOST, _ATTEMPTS),
        Figure("all arrived after", [drained], "s", Bar.AT_MOST, _BAR),
    ]
    return figures, []


TRIAL: Final = Trial(
    "pauses", "477, 423, 403, 404 for the channel and an inactive account: pauses that burn nothing", run
)
