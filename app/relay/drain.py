"""Step 4: a worker owns a lane for a short while and takes its messages in order.

Claim the lane; for each message begin, call, finish; release. Begin and finish are small transactions; no connection
and no lock is held during the call. This is the one place that turns an error into what happens next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from app import logs, metrics
from app.domain.lane import LaneKind
from app.domain.part import Sent
from app.relay import breaker, control, ending, inbound, outbound, pauses, statuses
from app.relay import receipts as matching
from app.relay.pace import SLOT_LIFE, Slot
from app.relay.road import Call, Park, Question, Road
from app.relay.services import Services
from app.relay.stored import until_stored
from app.relay.verdict import OWN_TRIES, Next, Verdict, judge, lost, spared
from app.storage import accounts, attempts, ids, lanes, messages
from app.storage.accounts import AccountRow
from app.storage.attempts import Fact, Outcome
from app.storage.database import Connection, DatabaseAway
from app.storage.lanes import Lane
from app.storage.messages import Head
from app.storage.parts import PartRow, write_parts

#: After a refusal that pauses the account its control lane, which never pauses, rests for so long (seconds).
_REFUSED = 30.0
#: A lane whose head could not begin comes back after this (seconds): what stood in the way is seen then.
_STOOD_IN_THE_WAY = 1.0
#: Bytes a second on the slowest line on which a file is waited for.
_SLOWEST = 500_000

_ROADS: dict[LaneKind, Road] = {
    LaneKind.INBOUND: inbound.ROAD,
    LaneKind.OUTBOUND: outbound.ROAD,
    LaneKind.CONTROL: control.ROAD,
}

log = logs.get_logger(__name__)


def drain(services: Services, lane_id: int) -> int:
    """Drain a lane for one slice. Returns the number of steps; 0 when there was nothing to do here."""
    owner = f"{services.name}:{time.monotonic_ns() % 10**9}"  # a process may meet a lane again after it lost it
    with services.database.write_one() as connection:
        lane = lanes.claim(connection, lane_id, owner=owner, lease=services.settings.lease)
    if lane is None:
        return 0
    with logs.bound(lane=lane.id, kind=lane.kind.value, account=lane.account_id):
        return _Run(services, lane).to_the_end()


class _Run:
    """One slice of a lane's work."""

    def __init__(self, services: Services, lane: Lane) -> None:
        self.services = services
        self.settings = services.settings
        self.lane = lane
        #: The lane's ``wake`` before its head was last read: what came later is seen at the release.
        self.seen = lane.wake
        self.slot_in = lane.slot_in

    def to_the_end(self) -> int:
        """Take steps until the lane rests or its slice is over, and release it.

        Raises:
            DatabaseAway: it was away; the lane is released now that it is back, and not only when its lease is over.
        """
        try:
            return self._take_steps()
        except DatabaseAway:
            until_stored(self.services.database, self._give_back)
            raise

    def _give_back(self, connection: Connection) -> bool:
        return lanes.release(connection, self.lane, seen=self.seen, due_in=_STOOD_IN_THE_WAY)

    def _take_steps(self) -> int:
        started = time.monotonic()
        steps, park = 0, None
        while park is None and steps < self.settings.slice_messages:
            if time.monotonic() - started > self.settings.slice_seconds:
                break
            park = self._step()
            steps += 1
        self._release(park or Park(0.0))
        return steps

    def _release(self, park: Park) -> None:
        with self.services.database.write_one() as connection:
            due = lanes.release(connection, self.lane, seen=self.seen, due_in=park.seconds, slot=park.slot)
        if due:
            self.services.doorbell.ring(self.lane.id)
        elif park.slot is not None:
            self.services.alarm.ring_in(park.slot, self.lane.id)

    def _step(self) -> Park | None:
        if self.lane.kind is LaneKind.STATUS:
            return statuses.tell_next(self.services, self.lane, self._pace)
        with self.services.database.read() as connection:
            head = messages.head(connection, self.lane.id)
            account = accounts.get(connection, self.lane.account_id) if head is not None else None
        if head is None or account is None:
            return Park(None)
        return self._deliver(_ROADS[self.lane.kind], head, account)

    def _deliver(self, road: Road, head: Head, account: AccountRow) -> Park | None:
        """Take the lane's head one call further, or say why it has to wait."""
        if head.calling is not None:
            return self._judge_lost(road, head, account)
        wait = self._wait(head)
        if wait is not None:
            return wait
        try:
            asked = None if head.parts else road.question(self.services, head, account)
            if asked is not None:
                return asked if isinstance(asked, Park) else self._ask(asked)
            call = self._prepare(road, head, account)
        except DatabaseAway:
            raise
        except Exception as error:  # noqa: BLE001 - judged like a failed call: a message may not block its lane for ever
            return self._could_not_prepare(road, head, account, error)
        if call is None or isinstance(call, Park):
            return call
        slot = self._pace(lambda: road.slot(self.services, self.lane, account))
        return slot or self._call(road, call)

    def _wait(self, head: Head) -> Park | None:
        """Say how long a message waits for its next try, or for the sweep of deadlines, which has the last word."""
        if head.waits > 0:
            return Park(head.waits)
        if head.left is not None and head.left <= self.settings.call_timeout:
            return Park(max(head.left, 0.0) + _STOOD_IN_THE_WAY)
        return None

    def _ask(self, question: Question) -> Park | None:
        """Ask HubSpot one thing, in a slot of its own."""
        park = self._pace(question.slot)
        if park is not None:
            return park
        with self.services.database.write_one() as connection:
            if not self._is_mine(connection):
                return Park(_STOOD_IN_THE_WAY)
        return question.ask()

    def _could_not_prepare(self, road: Road, head: Head, account: AccountRow, error: Exception) -> Park | None:
        """Count the try and carry out what the error means, though no call was made."""
        verdict = self._judge(road, head, account, error)
        is_bug = verdict.code == "internal_error"
        report = partial(log.error, exc_info=error) if is_bug else log.warning
        report("message_not_prepared", message=head.id, next=verdict.next.value, hint=verdict.hint)
        with self.services.database.write() as connection:
            if not self._is_mine(connection):
                return Park(_STOOD_IN_THE_WAY)
            ring = self._carry_out(connection, road, head, verdict=verdict, account=account)
            if not verdict.free:
                messages.count_attempt(connection, head.id)
        self._ring(ring)
        return self._rest(verdict)

    def _is_mine(self, connection: Connection) -> bool:
        """Keep the lane. False: it is lost, and who has it now may be calling; what was read of it is worth nothing."""
        return lanes.renew(connection, self.lane, lease=self.settings.lease) is not None

    def _prepare(self, road: Road, head: Head, account: AccountRow) -> Call | Park | None:
        parts = head.parts
        if not parts:
            contents = road.split(self.services, head, account)
            if contents is None or isinstance(contents, Park):
                return contents
            with self.services.database.write() as connection:
                at = road.date(connection, head)
                parts = write_parts(connection, head.id, [one.model_copy(update={"at": at}) for one in contents])
            if not parts:
                return Park(0.0)
        part = next(one for one in parts if one.state != "sent")
        return Call(replace(head, parts=parts), part, account, last=part is parts[-1], upload=self._upload(head, part))

    def _upload(self, head: Head, part: PartRow) -> float:
        """Return how many seconds a file may take. A step may make two calls, and ends before the deadline."""
        file = part.content.attachment
        seconds = (file.size or 0) / _SLOWEST if file is not None and file.media is not None else 0.0
        return seconds if head.left is None else min(seconds, max(0.0, head.left / 2 - self.settings.call_timeout))

    def _pace(self, reserve: Callable[[], Slot]) -> Park | None:
        """Return None when the call may be made now: in the slot that the lane has waited for, or in a new one."""
        slot_in, self.slot_in = self.slot_in, None
        if slot_in is not None and slot_in > 0:
            return Park(slot_in, slot=slot_in)
        if slot_in is not None and slot_in >= -SLOT_LIFE:
            return None
        slot = reserve()
        if slot.wait <= 0:
            return None
        return Park(slot.wait, slot=slot.wait if slot.reserved else None)

    def _call(self, road: Road, call: Call) -> Park | None:
        """Begin, call, finish."""
        with self.services.database.write() as connection:
            begun = attempts.begin(
                connection,
                self.lane,
                call.head,
                call.part,
                purpose=road.purpose,
                lease=self.settings.lease + 2 * call.upload,
                room=self.settings.call_timeout,
                seen=self.seen,
            )
        if begun is None:
            return Park(_STOOD_IN_THE_WAY)
        self.seen = begun.wake
        if begun.attempt_id is None:
            self.slot_in = 0.0  # the slot is kept for whoever is the head now
            return None
        started = time.monotonic()
        try:
            sent = road.call(self.services, call)
        except Exception as error:  # noqa: BLE001 - whatever a call raises is judged, so that no message blocks its lane
            return self._failed(road, call, begun.attempt_id, error=error, duration=time.monotonic() - started)
        self._succeeded(road, call, begun.attempt_id, sent=sent, duration=time.monotonic() - started)
        return None

    def _succeeded(self, road: Road, call: Call, attempt_id: str, *, sent: Sent, duration: float) -> None:
        fact = Fact(Outcome.OK, duration)

        def record(connection: Connection) -> list[int]:
            ring = ending.succeed(connection, call.head) if call.last else []
            attempts.finish(connection, call.head, call.part, attempt_id=attempt_id, fact=fact, part_state="sent")
            return ring

        def record_all(connection: Connection) -> list[int]:
            return record(connection) + road.record(connection, call, sent)

        try:
            ring = until_stored(self.services.database, record_all)
        except Exception:
            if self.lane.kind is LaneKind.CONTROL:
                raise
            # Without the fact the call would be taken for lost and made again: better without the ids it brought.
            log.exception("call_done_but_not_recorded_whole", message=call.head.id)
            ring = until_stored(self.services.database, record)
        self._ring(ring)
        self._count(call, fact)
        log.info("call_done", message=call.head.id, part=call.part.position, purpose=road.purpose.value)
        if road.counts and call.account.troubled:
            breaker.succeeded(self.services, call.account, self.lane)
        if call.last and sent.ids:
            matching.match_quietly(self.services, call.account.id, _all_ids(self.services, call, sent))

    def _failed(self, road: Road, call: Call, attempt_id: str, *, error: Exception, duration: float) -> Park | None:
        def record(connection: Connection) -> tuple[Verdict, Fact, list[int]]:
            held = attempts.is_held(connection, call.head, attempt_id)
            verdict = self._judge_call(connection, road, call, error)
            fact = Fact(verdict.outcome, duration, verdict.code, verdict.detail or verdict.hint, free=verdict.free)
            ring = self._carry_out(connection, road, call.head, verdict=verdict, account=call.account) if held else []
            attempts.finish(
                connection, call.head, call.part, attempt_id=attempt_id, fact=fact, part_state=verdict.part_state
            )
            return verdict, fact, ring

        verdict, fact, ring = until_stored(self.services.database, record)
        self._ring(ring)
        self._count(call, fact)
        if verdict.code == "internal_error":
            log.error("call_raised", message=call.head.id, exc_info=error)
        log.warning("call_failed", message=call.head.id, code=verdict.code, next=verdict.next.value, hint=verdict.hint)
        if verdict.slow_down:
            road.slow_down(self.services, call.account, verdict.delay)
        return self._rest(verdict)

    def _judge_call(self, connection: Connection, road: Road, call: Call, error: Exception) -> Verdict:
        """Judge a failed call by what else happens on its side: behind an open breaker it costs no attempt."""
        head, account = call.head, call.account
        if road.counts and breaker.failed(connection, account, self.lane, error, tries=head.attempts):
            return spared(self._judge(road, replace(head, attempts=0), account, error))
        tried_enough = head.attempts + 1 >= OWN_TRIES and breaker.trouble(error) is not None
        own_trouble = tried_enough and messages.others_pass(connection, head)
        return self._judge(road, head, account, error, own_trouble=own_trouble)

    def _judge(
        self, road: Road, head: Head, account: AccountRow, error: Exception, *, own_trouble: bool = False
    ) -> Verdict:
        repeatable, policy = road.policy(self.services, account)
        attempts_made = head.attempts + 1
        return judge(error, attempts=attempts_made, repeatable=repeatable, policy=policy, own_trouble=own_trouble)

    def _judge_lost(self, road: Road, head: Head, account: AccountRow) -> Park | None:
        """Judge a call whose worker died: we own the lane now, so its lease has run out."""
        repeatable, policy = road.policy(self.services, account)
        verdict = lost(crashes=head.crashes + 1, repeatable=repeatable, policy=policy)
        with self.services.database.write() as connection:
            ring: list[int] = []
            if not self._is_mine(connection):
                return Park(_STOOD_IN_THE_WAY)
            if verdict.next is Next.FAIL:
                ring = self._carry_out(connection, road, head, verdict=verdict, account=account)
            attempts.give_up(connection, head, part_state=verdict.part_state)
        self._ring(ring)
        log.warning("call_lost", message=head.id, next=verdict.next.value, hint=verdict.hint)
        return None

    def _carry_out(
        self, connection: Connection, road: Road, head: Head, *, verdict: Verdict, account: AccountRow
    ) -> list[int]:
        """Store what a verdict means. Returns lanes to ring."""
        if verdict.next is Next.FAIL:
            return ending.fail(connection, account, head, reason=verdict.code, hint=verdict.hint, detail=verdict.detail)
        if verdict.next is Next.RETRY:
            messages.delay(connection, head.id, verdict.delay, reason=verdict.code, hint=verdict.hint)
        else:
            pauses.pause(self.services, connection, account, side=road.side, verdict=verdict)
        return []

    def _rest(self, verdict: Verdict) -> Park | None:
        """Say how the lane rests after a failed call: a failed message lets the next one go on at once."""
        if verdict.next is Next.FAIL:
            return None
        if verdict.next is Next.RETRY:
            return Park(verdict.delay)
        return Park(_REFUSED if self.lane.kind is LaneKind.CONTROL else 0.0)

    def _ring(self, ids: list[int]) -> None:
        for lane_id in ids:
            self.services.doorbell.ring(lane_id)

    def _count(self, call: Call, fact: Fact) -> None:
        api = call.account.connector if self.lane.kind is LaneKind.OUTBOUND else "hubspot"
        metrics.CALLS.labels(api=api, outcome=fact.outcome.value).inc()
        metrics.CALL_SECONDS.labels(api=api).observe(fact.duration)


def _all_ids(services: Services, call: Call, sent: Sent) -> list[str]:
    """Return the service's ids of all parts of a message that is complete now."""
    if len(call.head.parts) <= 1:
        return list(sent.ids)
    with services.database.read() as connection:
        return ids.of_message(connection, call.head.id)
