"""What both sides and the relay hold after a run: read from the simulator and from the relay's own tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.bench import scene
from app.bench.chaos.plan import CALL_TIMEOUT
from app.bench.load import Conversation, Load, Side, Words, read
from app.http import Http
from app.storage.attempts import Outcome
from app.storage.database import Database
from app.storage.tables import attempts, messages

_TIMEOUT = 60.0
#: A call whose worker died or lost its lease; whoever judged it counted a crash.
WORKER_LOST = "worker_lost"
#: The lane of a conversation's statuses, and after so long (seconds) a caller may have given one up.
_STATUS = "status"
_GIVEN_UP = 0.75 * CALL_TIMEOUT


@dataclass(frozen=True)
class Row:
    """What the relay knows of a message. Times by its database's clock (seconds); ``begun``: its first call.

    ``unknown``: calls that may have arrived although nobody heard of it, without those of dead workers (``crashes``).
    """

    id: int
    status: str
    reason: str
    accepted: float
    begun: float | None
    late: bool
    crashes: int
    unknown: int
    order: int


@dataclass(frozen=True)
class Told:
    """What HubSpot shows of an agent's message. ``patches``: the statuses that the relay told, in their order."""

    status: str
    patches: Sequence[str]
    sentence: str


@dataclass(frozen=True)
class Span:
    """One call to one side, as that side saw it (seconds). ``lane``: where it may not overlap with another."""

    lane: str
    subject: str
    began: float
    ended: float


@dataclass(frozen=True)
class Freeze:
    """A worker was stopped for longer than its lease (seconds since 1970)."""

    began: float
    ended: float


@dataclass(frozen=True)
class Ledger:
    """Both sides and the relay. ``arrived``: by conversation and who wrote, in the order of arrival, repetitions too.

    ``idempotent``: the conversations whose service knows a repeated call. ``threads``: how many HubSpot has of each.
    ``freezes``: not read but told by who stopped the workers.
    """

    written: frozenset[Words]
    arrived: Mapping[tuple[str, Side], Sequence[Words]]
    rows: Mapping[Words, Row]
    told: Mapping[Words, Told]
    spans: Sequence[Span]
    idempotent: frozenset[str]
    threads: Mapping[str, int]
    freezes: Sequence[Freeze] = ()


def take(load: Load, database: Database) -> Ledger:
    """Read everything."""
    with closing(Http(call_timeout=_TIMEOUT)) as http:
        arrived: dict[tuple[str, Side], list[Words]] = defaultdict(list)
        told: dict[Words, Told] = {}
        threads: dict[str, int] = defaultdict(int)
        for card in scene.ask(http, "GET", f"{load.page}/_sim/threads"):
            threads[card["contactName"]] += 1
            for one in _in_thread(http, load.page, card["id"]):
                words = read(one["text"])
                if words is not None and one["direction"] == "INCOMING":
                    arrived[words.conversation, Side.CUSTOMER].append(words)
                elif words is not None:
                    told[words] = Told(one["statusType"], one["statusPatches"], one["failure"] or "")
        for conversation in load.conversations:
            arrived[conversation.name, Side.AGENT] = _at_service(http, load.page, conversation)
        calls = scene.ask(http, "GET", f"{load.page}/_sim/calls")
    idempotent = frozenset(one.name for one in load.conversations if one.account.connector == "loopback")
    names = {message_id: words for words, message_id in load.taken.items()}
    spans = [span for one in calls if (span := read_span(one, names)) is not None]
    return Ledger(frozenset(load.taken), dict(arrived), read_rows(database), told, spans, idempotent, threads)


def _in_thread(http: Http, page: str, thread_id: str) -> list[Any]:
    found = scene.ask(http, "GET", f"{page}/_sim/threads/{thread_id}/messages")
    return sorted(found, key=lambda one: int(one["arrival"]))


def _at_service(http: Http, page: str, one: Conversation) -> list[Words]:
    """Return what agents wrote, as it stands at the service: in the order of arrival."""
    place = f"loopback/conversations/{one.place}/messages?account={one.account.name}"
    if one.account.connector == "telegram":
        place = f"telegram/chats/{one.account.name}/{one.place}/messages"
    texts = [each["text"] for each in scene.ask(http, "GET", f"{page}/_sim/{place}") if not each["mine"]]
    return [words for text in texts if (words := read(text)) is not None]


def read_span(call: Mapping[str, Any], names: Mapping[str, Words]) -> Span | None:
    """Return a call about a message; None for others. Publishing, sending and statuses are lanes of their own.

    A status that HubSpot takes too long over is given up, and told again or followed by the next one while HubSpot may
    still be at it: that is no second call in flight.
    """
    words, kind = read(call["text"]), _STATUS
    if words is None:
        words = names.get(call["path"].rpartition("/")[2]) if call["method"] == "PATCH" else None
    else:
        kind = words.side
    given_up = kind == _STATUS and call["ended"] - call["began"] > _GIVEN_UP
    if words is None or given_up:
        return None
    return Span(f"{words.conversation} {kind}", str(words), call["began"], call["ended"])


def read_rows(database: Database) -> dict[Words, Row]:
    """Return what the relay's own tables tell of each message."""
    with database.read() as connection:
        calls = defaultdict(list)
        columns = (attempts.c.message_id, attempts.c.started_at, attempts.c.outcome, attempts.c.code)
        for call in connection.execute(select(*columns).where(attempts.c.purpose.in_(("publish", "send")))):
            calls[call.message_id].append(call)
        found = connection.execute(select(messages)).all()
    rows = {}
    for one in found:
        words = read(one.content.get("text", ""))
        if words is not None:
            mine = calls[one.id]
            unknown = [call for call in mine if call.outcome == Outcome.UNKNOWN and call.code != WORKER_LOST]
            rows[words] = Row(
                id=one.id,
                status=one.status,
                reason=one.reason,
                accepted=one.accepted_at,
                begun=min((call.started_at for call in mine), default=None),
                late=one.late,
                crashes=one.crashes,
                unknown=len(unknown),
                order=one.order_key,
            )
    return rows
