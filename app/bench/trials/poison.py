"""One message that always draws a 500: it ends as a dead letter, and opens no breaker while others succeed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from app.bench.chaos import checks
from app.bench.chaos.checks import Rule
from app.bench.load import Line, Side, Words
from app.bench.report import Figure, Report, count
from app.bench.trials.outage import FACTOR, Outage, outage, sentences, spread
from app.bench.trials.trial import Options, Trial
from app.bench.trials.watch import until
from app.storage.tables import dead_letters, messages

_LANES: Final = 20
#: Six tries with their delays take 13 minutes of the relay's clock; the others write a little longer than that.
_MINUTES: Final = 16.0
_ROUNDS: Final = 16
_TRIES: Final = 6
#: An agent's message would else be called failed at its deadline, before its sixth try.
_SETTINGS: Final = {"deadline": "3600"}
_PATIENCE: Final = 60.0
_POISON: Final = "poison"
_WRONG: Final = (Rule.LOST, Rule.ORDER, Rule.TWICE_IN_HUBSPOT, Rule.TWICE_WITH_KEY, Rule.VERDICT, Rule.STRANGE)


def run(options: Options) -> Report:
    """Let a poisoned message go each way, and others beside it all the time."""
    # The poisoned lanes are two more; the others have to keep the breaker from counting to three.
    factor = FACTOR if options.scale >= 1 else 2 * FACTOR
    with outage(options, options.scaled(_LANES, least=6) + 2, _SETTINGS, factor=factor) as one:
        one.fault("hubspot", "/messages", {"kind": "status", "status": 500}, containing=f"{_POISON} in")
        one.fault("loopback", "/messages", {"kind": "status", "status": 500}, containing=f"{_POISON} out")
        with one.watching_breakers():
            one.load.write(_lines(one, _MINUTES * 60 / factor))
            until(lambda: len(_buried(one)) >= 2, within=_PATIENCE)  # noqa: PLR2004 - one each way
        one.mend()
        one.settle()
        return Report("Poison: one message each way that always draws a 500", *_result(one))


def _lines(one: Outage, seconds: float) -> list[Line]:
    """Return what everybody writes in so many seconds; the first two customers' first messages are poisoned."""
    names = [each.name for each in one.load.conversations]
    poisoned = [
        Line(0.0, Words(names[0], Side.CUSTOMER, 1), f"{Words(names[0], Side.CUSTOMER, 1)} {_POISON} in"),
        Line(0.0, Words(names[1], Side.AGENT, 1), f"{Words(names[1], Side.AGENT, 1)} {_POISON} out"),
    ]
    others = [line for side in Side for line in spread(names[2:], side, rounds=_ROUNDS, seconds=seconds)]
    return poisoned + others


def _buried(one: Outage) -> list[tuple[int, str]]:
    """Return the attempts and the reason of each dead letter."""
    query = select(messages.c.attempts, dead_letters.c.reason).join(
        dead_letters, dead_letters.c.message_id == messages.c.id
    )
    with one.cluster.services.database.read() as connection:
        return [(row.attempts, row.reason) for row in connection.execute(query)]


def _result(one: Outage) -> tuple[list[Figure], list[str]]:
    buried, found = _buried(one), one.ledger()
    breaches = [each for each in checks.find(found) if each.rule in _WRONG and _POISON not in each.subject]
    counted = checks.counted(breaches)
    figures = [
        count("messages of others", len(found.written) - 2),
        count("dead letters", len(buried), must_be=2),
        *(Figure(f"attempts of dead letter {at}", [tries]) for at, (tries, _) in enumerate(buried, start=1)),
        count("dead letters after any other number of attempts", sum(t != _TRIES for t, _ in buried), must_be=0),
        count("times a breaker was seen open", len(one.opened), must_be=0),
        *(count(f"others: {rule}", counted[rule], must_be=0) for rule in _WRONG),
    ]
    return figures, [f"dead letter: {reason}" for _, reason in buried] + sentences(breaches)


TRIAL: Final = Trial("poison", "one message each way that always draws a 500, beside 20 lanes at work", run)
