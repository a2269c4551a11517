"""What must never be, looked for in a ledger. Pure: fed with made-up ledgers by its tests."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.bench.chaos.ledger import Ledger, Row, Span
from app.bench.chaos.plan import LEASE
from app.bench.load import Side, Words

#: A message that two workers died with is a dead letter by design; any other has to arrive.
_TWO_CRASHES = "worker_lost_twice"
_CRASHES = 2
_FAILED = "failed"
#: Accepted is when a transaction began; a call that begins before it ends cannot know of it. So far apart (seconds) the
#: relay's own mark of lateness is believed: as long as HubSpot waits for the answer to a webhook.
_UNSURE = 5.0


class Rule(StrEnum):
    """What is broken, in the words of the table."""

    LOST = "lost"
    ORDER = "out of order in a lane"
    OVERLAP = "overlapping calls in a lane"
    TWICE_IN_HUBSPOT = "duplicates in HubSpot"
    TWICE_WITH_KEY = "duplicates at services with idempotency"
    TWICE_BY_ITSELF = "duplicates without a lost answer"
    VERDICT = "agents' messages without a verdict"
    DEAD = "dead letters without two crashes"
    SPLIT = "conversations in more than one thread"
    STRANGE = "messages that nobody wrote"


@dataclass(frozen=True)
class Breach:
    """One case. ``subject``: a message, or a conversation; ``told``: what was found; ``others``: messages in it."""

    rule: Rule
    subject: str
    told: str
    others: Sequence[str] = ()


def find(ledger: Ledger) -> list[Breach]:
    """Return every breach."""
    return [breach for check in _CHECKS for breach in check(ledger)]


def resent(ledger: Ledger) -> int:
    """Count the copies too many at services that know no idempotency key."""
    return sum(
        copies - 1
        for (conversation, side), found in ledger.arrived.items()
        if side is Side.AGENT and conversation not in ledger.idempotent
        for copies in Counter(found).values()
    )


def in_doubt(ledger: Ledger) -> int:
    """Count the calls to such services of which nobody knows whether they arrived."""
    doubtful = (
        row.crashes + row.unknown
        for words, row in ledger.rows.items()
        if words.side is Side.AGENT and words.conversation not in ledger.idempotent
    )
    return sum(doubtful)


def dead_letters(ledger: Ledger) -> list[Words]:
    """Return the messages that two workers died with."""
    return [words for words, row in ledger.rows.items() if row.status == _FAILED and _died_twice(row)]


def late(ledger: Ledger) -> int:
    """Count the messages that came when a later one of their lane had begun."""
    return sum(row.late for row in ledger.rows.values())


def _died_twice(row: Row) -> bool:
    return row.reason == _TWO_CRASHES and row.crashes >= _CRASHES


def _lost(ledger: Ledger) -> Iterator[Breach]:
    there = {words for found in ledger.arrived.values() for words in found}
    for words in sorted(ledger.written - there, key=str):
        row = ledger.rows.get(words)
        if row is None:
            yield Breach(Rule.LOST, str(words), "it was taken, and the relay does not know it")
        elif row.status != _FAILED:
            yield Breach(Rule.LOST, str(words), f"it did not arrive; the relay calls it {row.status}")


def _dead(ledger: Ledger) -> Iterator[Breach]:
    for words, row in ledger.rows.items():
        if row.status == _FAILED and not _died_twice(row):
            yield Breach(Rule.DEAD, str(words), f"failed with {row.reason or 'no reason'} after {row.crashes} crashes")


def _order(ledger: Ledger) -> Iterator[Breach]:
    for found in ledger.arrived.values():
        for words, ahead in _overtaken(found):
            row = ledger.rows.get(words)
            guilty = [one for one in ahead if not _is_late(row, ledger.rows.get(one))]
            if guilty:
                others = [str(one) for one in guilty]
                yield Breach(Rule.ORDER, str(words), f"it came after {', '.join(others)}", others)


def _overtaken(found: Sequence[Words]) -> Iterator[tuple[Words, list[Words]]]:
    """Yield each message that came after later ones of its conversation, with these. Its first arrival counts."""
    before: list[Words] = []
    for words in dict.fromkeys(found):
        ahead = [one for one in before if one.number > words.number]
        if ahead:
            yield words, ahead
        before.append(words)


def _is_late(row: Row | None, ahead: Row | None) -> bool:
    """Whether the one ahead had begun before the other was there, so that nobody could have held it back."""
    if row is None or ahead is None or ahead.begun is None:
        return False
    if ahead.begun <= row.accepted:
        return True
    return row.late and ahead.begun <= row.accepted + _UNSURE


def _overlap(ledger: Ledger) -> Iterator[Breach]:
    lanes: dict[str, list[Span]] = defaultdict(list)
    for span in ledger.spans:
        lanes[span.lane].append(span)
    for spans in lanes.values():
        last: Span | None = None
        for span in sorted(spans, key=lambda one: one.began):
            if last is not None and span.began < last.ended and not _was_frozen(ledger, last, span):
                by = last.ended - span.began
                told = f"it began {by:.3f} s before {last.subject} was over"
                yield Breach(Rule.OVERLAP, span.subject, told, [last.subject])
            last = span if last is None or span.ended > last.ended else last


def _was_frozen(ledger: Ledger, call: Span, following: Span) -> bool:
    """Tell whether a call's worker was stopped in it until its lease had run out, and the next began only then.

    Nobody can take a call back that lies at the other side, and nobody knows a stopped process from a dead one.
    """
    given_up = call.began + LEASE
    stopped = any(call.began <= one.began <= call.ended and given_up <= one.ended for one in ledger.freezes)
    return stopped and given_up <= following.began


def _twice(ledger: Ledger) -> Iterator[Breach]:
    for (conversation, side), found in ledger.arrived.items():
        rule = Rule.TWICE_IN_HUBSPOT if side is Side.CUSTOMER else Rule.TWICE_WITH_KEY
        for words, copies in Counter(found).items():
            if copies > 1 and (side is Side.CUSTOMER or conversation in ledger.idempotent):
                yield Breach(rule, str(words), f"it is there {copies} times")


def _twice_by_itself(ledger: Ledger) -> Iterator[Breach]:
    """A service without idempotency may get a message again for each call whose answer was lost, and for no other."""
    for (conversation, side), found in ledger.arrived.items():
        if side is Side.CUSTOMER or conversation in ledger.idempotent:
            continue
        for words, copies in Counter(found).items():
            row = ledger.rows.get(words)
            doubts = row.crashes + row.unknown if row is not None else 0
            if copies > 1 + doubts:
                told = f"it is there {copies} times, of {doubts} calls nobody knew whether they had arrived"
                yield Breach(Rule.TWICE_BY_ITSELF, str(words), told)


def _verdict(ledger: Ledger) -> Iterator[Breach]:
    """HubSpot was told of each agent's message that it was sent, read, or failed and why; a failed one is not sent."""
    for words in ledger.written:
        if words.side is not Side.AGENT:
            continue
        told = ledger.told.get(words)
        if told is None or not told.patches:
            yield Breach(Rule.VERDICT, str(words), "HubSpot was told nothing")
        elif told.status == "FAILED" and not told.sentence:
            yield Breach(Rule.VERDICT, str(words), "HubSpot was told that it failed, but not why")
        elif told.status not in {"SENT", "READ", "FAILED"}:
            yield Breach(Rule.VERDICT, str(words), f"HubSpot shows it as {told.status}")


def _split(ledger: Ledger) -> Iterator[Breach]:
    for name, count in ledger.threads.items():
        if count > 1:
            yield Breach(Rule.SPLIT, name, f"HubSpot has {count} threads of it")


def _strange(ledger: Ledger) -> Iterator[Breach]:
    for found in ledger.arrived.values():
        for words in set(found) - ledger.written:
            yield Breach(Rule.STRANGE, str(words), "it arrived")


_CHECKS: Final[Sequence[Callable[[Ledger], Iterator[Breach]]]] = (
    *(_lost, _order, _overlap, _twice, _twice_by_itself),
    *(_verdict, _dead, _split, _strange),
)


def counted(breaches: Sequence[Breach]) -> Mapping[Rule, int]:
    """Return how many breaches there are of each rule, 0 where there are none."""
    found = Counter(breach.rule for breach in breaches)
    return {rule: found[rule] for rule in Rule}
