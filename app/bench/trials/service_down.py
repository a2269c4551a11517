"""A messaging service is away: for eight minutes everything arrives afterwards, for thirty every message has failed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from app.bench.chaos.ledger import Ledger
from app.bench.load import Side, Words
from app.bench.report import Bar, Figure, Report, count
from app.bench.trials.outage import FACTOR, Outage, counts, outage
from app.bench.trials.trial import Options, Trial
from app.storage.tables import messages

_LANES: Final = 40
_ROUNDS: Final = 3
#: Minutes of the relay's clock, and the time within which a message is sent or called failed. In the long outage
#: people write only in its first half, so that every deadline is over at its end.
_SHORT: Final = 8.0
_LONG: Final = 30.0
_DEADLINE: Final = 10.0
#: A small version is shorter, but not shorter than this share.
_SHORTEST: Final = 0.25
#: After the short outage two minutes are left until the first deadline, of which a probe may take one; in the other
#: all is delivered, in real time. So less is gained there: two minutes are half a real one.
_SLOWER: Final = 4.0
#: Where the outage is made shorter, more time is left.
_SMALL: Final = 12.0
#: Real seconds within which everything has arrived after the short one: else the first deadlines would be over.
_BAR: Final = 25.0
#: Real seconds after the long one in which whoever wanted to send a message all the same would do it.
_WATCHED: Final = 5.0
#: A deadline is swept by the scheduler's next look, a second later in real time; two, because others look too.
_SLACK: Final = 2 * FACTOR
_FAILED = "failed"


def run(options: Options) -> Report:
    """Let agents answer into a short outage, and then into a long one."""
    lanes, rounds = options.scaled(_LANES, least=4), options.scaled(_ROUNDS, least=2)
    share = min(max(options.scale, _SHORTEST), 1.0)
    factor = _SLOWER if share == 1.0 else _SMALL
    with outage(options, lanes, factor=factor) as one:
        short, notes = _survive(one, rounds, seconds=_SHORT * share * 60 / factor)
    with outage(options, lanes, {"deadline": str(_DEADLINE * share * 60)}) as one:
        told_of = _fail(one, rounds, minutes=_LONG * share)
    title = f"A service down for {_SHORT * share:g} minutes and for {_LONG * share:g}, by a faster clock"
    return Report(title, [*short, *told_of], notes)


def _survive(one: Outage, rounds: int, *, seconds: float) -> tuple[list[Figure], list[str]]:
    with one.watching_breakers():
        one.gates.service.refuse()
        one.write(Side.AGENT, rounds=rounds, seconds=seconds)
        one.mend()
        drained = one.settle()
    found = one.ledger()
    never, notes = counts(found)
    figures = [
        count("short: agents' messages", rounds * len(one.load.conversations)),
        count("short: a breaker opened", bool(one.opened), must_be=1),
        count("short: messages that failed", len(_failed(found)), must_be=0),
        Figure("short: all arrived after", [drained], "s", Bar.AT_MOST, _BAR),
        *never,
    ]
    return figures, notes


def _fail(one: Outage, rounds: int, *, minutes: float) -> list[Figure]:
    one.fault("loopback", "/v1/messages", {"kind": "status", "status": 503})
    seconds = minutes * 60 / FACTOR
    one.write(Side.AGENT, rounds=rounds, seconds=seconds / 2)
    one.pause(seconds / 2)
    one.mend()
    one.settle()
    one.pause(_WATCHED)
    found = one.ledger()
    written = {words for words in found.written if words.side is Side.AGENT}
    return [
        count("long: agents' messages", len(written)),
        count("long: messages that failed", len(_failed(found) & written), must_be=len(written)),
        count("long: failures told with a sentence", len(told(found) & written), must_be=len(written)),
        count("long: messages that arrived all the same", len(arrived(found) & written), must_be=0),
        Figure("long: latest after its deadline", [_latest(one)], "s of its clock", Bar.AT_MOST, _SLACK),
    ]


def _failed(found: Ledger) -> set[Words]:
    return {words for words, row in found.rows.items() if row.status == _FAILED}


def told(found: Ledger) -> set[Words]:
    """Return the messages that HubSpot shows as failed, with the reason, after being told so once."""
    return {words for words, one in found.told.items() if list(one.patches) == ["FAILED"] and one.sentence}


def arrived(found: Ledger) -> set[Words]:
    """Return the agents' messages that customers have."""
    return {words for (_, side), every in found.arrived.items() if side is Side.AGENT for words in every}


def _latest(one: Outage) -> float:
    """Return the longest time between a deadline and its verdict."""
    query = select(messages.c.finished_at - messages.c.deadline_at).where(messages.c.status == _FAILED)
    with one.cluster.services.database.read() as connection:
        return max(connection.execute(query).scalars(), default=0.0)


TRIAL: Final = Trial("service-down", "8 and 30 minutes without a service by a faster clock, agents in 40 lanes", run)
