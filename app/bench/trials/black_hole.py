"""A service that takes everything and answers nothing: after the deadline every message has its verdict, told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from sqlalchemy import func, select

from app.bench.chaos.ledger import WORKER_LOST, Ledger
from app.bench.load import Side
from app.bench.report import Bar, Figure, Report, count
from app.bench.trials.outage import FACTOR, Outage, outage
from app.bench.trials.trial import Options, Trial
from app.bench.trials.watch import until
from app.storage.tables import attempts

_MESSAGES: Final = 1000
_LANES: Final = 100
#: All are written within this time (real seconds), and one worker is killed in the middle of it.
_SECONDS: Final = 8.0
#: All verdicts have to be told within this time (real seconds) after the last message was written. Of it the deadline
#: of ten minutes takes twenty; in the rest the messages are failed and told one by one, on two processors with the
#: simulator.
_BAR: Final = 120.0


def run(options: Options) -> Report:
    """Send into the hole, kill a worker, and wait for the verdicts."""
    lanes = options.scaled(_LANES, least=10)
    rounds = options.scaled(_MESSAGES, least=40) // lanes
    # A call that is never answered lasts for a second, and so for half a minute of the relay's clock.
    with outage(options, lanes, {"lease": "120"}) as one:
        one.gates.service.silence()
        _write(one, rounds)
        seconds = one.settle(within=2 * _BAR)
        return Report(
            f"Black hole: sends that are never answered, by {FACTOR:g} times the pace", _figures(one, seconds)
        )


def _write(one: Outage, rounds: int) -> None:
    """Let agents write; kill the first worker that has a call in its hands."""
    one.write(Side.AGENT, rounds=1, seconds=_SECONDS / rounds)
    until(lambda: _kill_a_caller(one), within=_SECONDS, every=0.01)
    one.write(Side.AGENT, rounds=rounds - 1, seconds=_SECONDS * (rounds - 1) / rounds, first=2)


def _kill_a_caller(one: Outage) -> bool:
    """Kill a worker that waits for an answer. Returns False where none does."""
    by_process = {str(pid): name for name, pid in one.cluster.pids().items()}
    query = select(attempts.c.worker).where(attempts.c.purpose == "send", attempts.c.outcome == "calling")
    with one.cluster.services.database.read() as connection:
        callers = [worker.split(":")[-2] for worker in connection.execute(query).scalars()]
    found = next((by_process[one] for one in callers if one in by_process), None)
    return found is not None and one.cluster.kill(found) is not None


def _figures(one: Outage, seconds: float) -> list[Figure]:
    found = one.ledger()
    written = {words for words in found.written if words.side is Side.AGENT}
    failed = {words for words, row in found.rows.items() if row.status == "failed"}
    why = {words for words, each in found.told.items() if set(each.patches) == {"FAILED"} and each.sentence}
    repeated = repetitions(found, _unanswered(one))
    lost = select(func.count()).where(attempts.c.code == WORKER_LOST)
    return [
        count("agents' messages", len(written)),
        Figure("calls that died with their worker", [one.number(lost)], "", Bar.AT_LEAST, 1),
        count("calls into the hole", one.calls("send")),
        count("messages that failed", len(failed & written), must_be=len(written)),
        count("failures told with a sentence", len(why & written), must_be=len(written)),
        count("failures told again although HubSpot had answered", repeated, must_be=0),
        Figure("last verdict told after", [seconds], "s", Bar.AT_MOST, _BAR),
    ]


def _unanswered(one: Outage) -> Counter[int]:
    """Count, for each message, the times that HubSpot was told a status and did not answer in time."""
    query = select(attempts.c.message_id).where(attempts.c.purpose == "status", attempts.c.outcome != "ok")
    with one.cluster.services.database.read() as connection:
        return Counter(connection.execute(query).scalars())


def repetitions(found: Ledger, unanswered: Mapping[int, int]) -> int:
    """Count what HubSpot was told too often. What it did not answer has to be told again, and that does no harm."""
    return sum(
        max(0, len(one.patches) - 1 - unanswered.get(found.rows[words].id, 0))
        for words, one in found.told.items()
        if words in found.rows
    )


TRIAL: Final = Trial("black-hole", "1,000 sends that are never answered, and kill -9 of a worker: 1,000 verdicts", run)
