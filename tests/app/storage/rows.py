"""Rows to test with: a portal with an account, and whatever a test hangs on them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Table, select, update

from app.domain.lane import LaneKey, LaneKind
from app.domain.message import Content, Direction, Kind
from app.domain.part import PartContent
from app.domain.person import Identifier, Person
from app.storage import accounts, attempts, lanes, messages, portals, threads
from app.storage.accounts import NewAccount
from app.storage.attempts import Begun, Fact, Outcome, Purpose
from app.storage.database import Connection, Database
from app.storage.lanes import Lane
from app.storage.messages import Head, NewMessage
from app.storage.parts import PartRow, write_parts
from app.storage.tables import messages as message_table

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

PORTAL = 4711
DANA = Person(identifier=Identifier(value="dana"), name="Dana")

NEW_ACCOUNT = NewAccount(
    connector="loopback",
    portal_id=PORTAL,
    channel_id="7",
    hubspot_id="70",
    name="Shop",
    identifier=Identifier(value="shop"),
    credentials="sealed",
)

NEW_MESSAGE = NewMessage(
    lane_id=0,
    thread_id=None,
    direction=Direction.OUTBOUND,
    kind=Kind.MESSAGE,
    conversation="c1",
    service_id="m1",
    revision="",
    order_key=1,
    sender=DANA,
    content=Content(text="Hello"),
    sent_at=1.0,
)


class Rows:
    """A database with one portal and one account in it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = itertools.count(1)
        self.write(portals.add, PORTAL, name="Test", refresh_token="sealed-refresh")
        self.account = self.new_account()

    def write(self, statement: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one of storage's functions in a transaction of its own."""
        with self.database.write() as connection:
            return statement(connection, *args, **kwargs)

    def read(self, statement: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one of storage's functions in a transaction that only reads."""
        with self.database.read() as connection:
            return statement(connection, *args, **kwargs)

    def now(self) -> float:
        """The database's time."""
        return self.read(lanes.clock)

    def new_account(self, **changes: Any) -> int:
        """Add an account with HubSpot ids of its own."""
        number = next(self._numbers)
        new = replace(NEW_ACCOUNT, **({"hubspot_id": f"{number}"} | changes))
        return self.write(accounts.add, new).id

    def lane(
        self, conversation: str = "c1", kind: LaneKind = LaneKind.OUTBOUND, *, account: int = 0, portal: int = PORTAL
    ) -> int:
        """Open a lane that has nothing to do."""
        key = LaneKey(account or self.account, kind, conversation)
        return self.write(lanes.open_lanes, [key], portal)[key]

    def due_lane(self, conversation: str = "c1", kind: LaneKind = LaneKind.OUTBOUND, *, account: int = 0) -> int:
        """Open a lane and make it due."""
        lane_id = self.lane(conversation, kind, account=account)
        self.touch(lane_id)
        return lane_id

    def touch(self, *ids: int) -> list[lanes.Touched]:
        """Touch lanes as of now."""
        return self.write(lanes.touch, ids, self.now())

    def claim(self, lane_id: int, owner: str = "worker", *, lease: float = 60.0) -> Lane:
        """Claim a lane that is free."""
        lane = self.write(lanes.claim, lane_id, owner=owner, lease=lease)
        assert lane is not None
        return lane

    def claimed(self, conversation: str = "c1", kind: LaneKind = LaneKind.OUTBOUND) -> Lane:
        """Open a lane, make it due and claim it."""
        return self.claim(self.due_lane(conversation, kind))

    def thread(self, conversation: str = "c1", *, account: int = 0) -> str:
        """Open a thread."""
        opened = self.write(threads.open_threads, account or self.account, {conversation: DANA})
        return opened[conversation].id

    def message(self, lane_id: int, *, account: int = 0, envelope: int | None = None, **changes: Any) -> int:
        """Store a message, by default an agent's with an id of its own."""
        number = next(self._numbers)
        new = replace(NEW_MESSAGE, lane_id=lane_id, **({"service_id": f"m{number}"} | changes))
        stored = self.write(messages.insert_new, account or self.account, new, envelope_id=envelope, at=self.now())
        assert stored is not None
        return stored

    def head(self, message_id: int) -> Head:
        """A message as drain sees it."""
        head = self.read(messages.get, message_id)
        assert head is not None
        return head

    def parts(self, message_id: int, *texts: str) -> tuple[PartRow, ...]:
        """Write a message's parts."""
        return self.write(write_parts, message_id, [PartContent(text=one) for one in texts or ("Hello",)])

    def begin(self, lane: Lane, message_id: int, position: int = 0, *, room: float = 0.0) -> Begun | None:
        """Begin the call of a message's part, written if it is not yet."""
        part = (self.head(message_id).parts or self.parts(message_id))[position]
        return self.write(
            attempts.begin,
            lane,
            self.head(message_id),
            part,
            purpose=Purpose.SEND,
            lease=60.0,
            room=room,
            seen=lane.wake,
        )

    def begun(self, lane: Lane, message_id: int, position: int = 0) -> str:
        """Begin a call that nothing stands in the way of. Returns the attempt's id."""
        begun = self.begin(lane, message_id, position)
        assert begun is not None
        assert begun.attempt_id is not None
        return begun.attempt_id

    def finish(
        self, message_id: int, attempt_id: str, outcome: Outcome = Outcome.OK, *, part_state: str = "sent", **fact: Any
    ) -> bool:
        """Record what became of the call of the message's first part."""
        head = self.head(message_id)
        return self.write(
            attempts.finish,
            head,
            head.parts[0],
            attempt_id=attempt_id,
            fact=Fact(outcome, 0.5, **fact),
            part_state=part_state,
        )

    def sent(self, message_id: int, status: str = "sent") -> None:
        """Let a message have ended long ago, without the call."""
        self.set(message_table, message_id, status=status, finished_at=self.now())

    def set(self, table: Table, key: Any, **values: Any) -> None:
        """Change a row behind everybody's back: how tests let time pass."""
        (primary,) = table.primary_key.columns
        with self.database.write() as connection:
            changed = connection.execute(update(table).where(primary == key).values(**values)).rowcount
        assert changed == 1

    def row(self, table: Table, key: Any) -> Any:
        """A row as it is stored."""
        (primary,) = table.primary_key.columns
        with self.database.read() as connection:
            return connection.execute(select(table).where(primary == key)).one()


def at_once(work: Callable[[U], T], items: Iterable[U]) -> list[T]:
    """Do the same to every item in threads that start at the same moment; an error of any is raised."""
    listed = list(items)
    barrier = threading.Barrier(len(listed))

    def run(item: U) -> T:
        barrier.wait(timeout=10)
        return work(item)

    with ThreadPoolExecutor(len(listed)) as pool:
        return list(pool.map(run, listed))


def call(work: Callable[[], T]) -> T:
    """Call a function: for different things that happen ``at_once``."""
    return work()
