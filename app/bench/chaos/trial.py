"""One seed: start everything, let it rage, wait until it is calm, and compare both sides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from app.bench import scene
from app.bench.chaos import calm, checks, ledger
from app.bench.chaos.calm import Drained
from app.bench.chaos.checks import Breach
from app.bench.chaos.ledger import Ledger, Row
from app.bench.chaos.plan import CALL_TIMEOUT, LEASE, SHAPE, Plan
from app.bench.chaos.storm import Storm
from app.bench.cluster import Cluster, running
from app.bench.load import Conversation, Load, Pace, Side, conversations
from app.errors import RelayError
from app.http import Http
from app.relay import trace as relay_trace
from app.storage import trace
from app.storage.database import Database, DatabaseAway

#: So many calls in ten seconds nobody here makes: what is measured is not the budget.
_UNLIMITED: Final = 1_000_000
_SETTINGS: Final[Mapping[str, str]] = {
    "lease": str(LEASE),
    "call_timeout": str(CALL_TIMEOUT),
    "hubspot_rate": str(_UNLIMITED),
}
#: Webhooks that were not taken come again fifty times sooner than in reality.
_SWITCHES: Final = {"rate_limit": _UNLIMITED, "webhook_time_scale": 0.02}
#: Of so many breaches the whole story is told.
_STORIES = 10
#: Seconds between two looks at how far the relay is behind.
_LOOK = 0.2


@dataclass(frozen=True)
class Outcome:
    """What one seed has shown. ``stories``: of breaches, as ``relay trace`` tells them. ``folder``: kept, or gone.

    ``raged``: seconds until all was written; more than the plan's on a machine where the relay could not follow.
    """

    seed: int
    written: Mapping[Side, int]
    breaches: Sequence[Breach]
    stories: Sequence[str]
    raged: float
    drained: Drained
    missing: Sequence[str]
    killed: int
    dead_letters: int
    late: int
    resent: int
    in_doubt: int
    folder: Path

    @property
    def is_breach(self) -> bool:
        """Whether a promise was broken; what the waits may be at most is the table's."""
        return bool(self.breaches or self.missing or self.drained.left)


@dataclass(frozen=True)
class _Seen:
    """What only the watch has told."""

    raged: float
    drained: Drained
    missing: Sequence[str]
    killed: int


def run(plan: Plan, *, database: str, broker: str, keep: bool = False) -> Outcome:
    """Run one seed with its own servers.

    Raises:
        SceneError: something did not start.
    """
    with running(SHAPE, database=database, broker=broker, settings=_SETTINGS, keep=keep) as cluster:
        load = Load(cluster.page, _conversations(cluster, plan))
        with closing(Http(call_timeout=30.0)) as http:
            scene.ask(http, "PUT", f"{cluster.page}/_sim/switches", _SWITCHES)
            load.open()
            storm, began = Storm(cluster, plan, Pace()), time.monotonic()
            with _weather(http, cluster.page, plan):
                _rage(storm, load, plan, partial(_has_room, cluster, http, most=max(100, plan.size.messages // 10)))
        raged = time.monotonic() - began
        drained = calm.wait_until_drained(cluster)
        missing = calm.missing_roles(cluster, list(storm.killed))
        seen = _Seen(raged, drained, missing, len(storm.killed))
        found = replace(ledger.take(load, cluster.services.database), freezes=storm.freezes)
        return _outcome(plan, cluster, seen, found)


def _conversations(cluster: Cluster, plan: Plan) -> list[Conversation]:
    loopback, telegram = (next(one for one in cluster.accounts if one.connector == name) for name in scene.MESSENGERS)
    return [
        *conversations("hot", loopback, plan.size.hot),
        *conversations("cold", loopback, plan.size.cold - plan.size.telegram),
        *conversations("telegram", telegram, plan.size.telegram),
    ]


@contextmanager
def _weather(http: Http, page: str, plan: Plan) -> Iterator[None]:
    """Have the simulator's faults until the end of the block."""
    for rule in plan.weather:
        scene.ask(http, "POST", f"{page}/_sim/faults", rule)
    try:
        yield
    finally:
        scene.ask(http, "DELETE", f"{page}/_sim/faults")


def _rage(storm: Storm, load: Load, plan: Plan, room: Callable[[], bool]) -> None:
    """Let people write while the blows fall; return when both are over.

    A relay that cannot follow stops the plan's time: on a slow machine the backlog would hide everything else.
    """
    with ThreadPoolExecutor(2, "people") as pool:
        people = pool.submit(load.write, plan.lines, pace=storm.pace)
        people.add_done_callback(lambda _: storm.pace.end())
        pool.submit(_keep_pace, storm.pace, room)
        try:
            storm.rage()
            people.result()
        finally:
            storm.pace.end()
            storm.calm()


def _keep_pace(pace: Pace, room: Callable[[], bool]) -> None:
    """Let the plan's time go on while there is room. A relay that stands still for too long ends it."""
    had_room = time.monotonic()
    while not pace.is_over:
        on = room()
        had_room = time.monotonic() if on else had_room
        pace.let(on=on)
        if time.monotonic() - had_room > calm.PATIENCE:
            pace.end()
        time.sleep(_LOOK)


def _has_room(cluster: Cluster, http: Http, *, most: int) -> bool:
    with suppress(*DatabaseAway, RelayError):
        return calm.behind(cluster, http) <= most
    return True


def _outcome(plan: Plan, cluster: Cluster, seen: _Seen, found: Ledger) -> Outcome:
    breaches = checks.find(found)
    sides = [words.side for words in found.written]
    return Outcome(
        seed=plan.seed,
        written={side: sides.count(side) for side in Side},
        breaches=breaches,
        stories=_stories(cluster.services.database, found, breaches),
        raged=seen.raged,
        drained=seen.drained,
        missing=seen.missing,
        killed=seen.killed,
        dead_letters=len(checks.dead_letters(found)),
        late=checks.late(found),
        resent=checks.resent(found),
        in_doubt=checks.in_doubt(found),
        folder=cluster.folder,
    )


def _stories(database: Database, found: Ledger, breaches: Sequence[Breach]) -> list[str]:
    """Tell what the relay knows of the messages of the first breaches."""
    rows = {str(words): row for words, row in found.rows.items()}
    named = dict.fromkeys(one for breach in breaches for one in (breach.subject, *breach.others))
    return [f"{one}: {story(database, rows[one])}" for one in list(named)[:_STORIES] if one in rows]


def story(database: Database, row: Row) -> str:
    """Tell a message's way in lines; times are seconds since 1970, to be compared with those of another one."""
    with database.read() as connection:
        facts = trace.read(connection, row.id)
    hops = relay_trace.hops(facts) if facts is not None else []
    lines = [f"    {hop.at:.3f}  {hop.step:9} {hop.text}" for hop in hops]
    return "\n".join([f"message {row.id}, order key {row.order}{', late' if row.late else ''}", *lines])
