from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.domain.account import RunState
from app.domain.status import Status
from app.storage import accounts, attempts, lanes, messages, portals
from app.storage import tables as t
from app.storage.accounts import Side
from app.storage.attempts import Fact, Outcome, Purpose
from app.storage.lanes import Lane
from tests.app.storage.rows import NEW_MESSAGE, PORTAL, Rows, at_once, call


def untouched(rows: Rows, message: int) -> bool:
    """Tell whether a message looks as if no call had ever begun."""
    row = rows.row(t.messages, message)
    states = [(part.state, part.attempt_id) for part in rows.head(message).parts]
    return (
        (row.calling, row.begun, row.attempts) == (None, False, 0)
        and set(states) == {("pending", None)}
        and rows.read(attempts.of_message, message) == []
    )


# Beginning ----------------------------------------------------------------------------------------------------------


def test_the_intent_is_on_record_before_the_call(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id, order_key=42)
    begun = rows.begin(lane, message)
    assert begun is not None
    assert begun.wake == lane.wake
    head = rows.head(message)
    assert (head.calling, head.attempts) == (begun.attempt_id, 1)
    assert [(part.state, part.attempt_id) for part in head.parts] == [("calling", begun.attempt_id)]
    (attempt,) = rows.read(attempts.of_message, message)
    assert (attempt.id, attempt.purpose, attempt.worker) == (begun.attempt_id, Purpose.SEND, "worker")
    assert (attempt.outcome, attempt.duration, attempt.code) == (Outcome.CALLING, None, "")
    assert attempt.started_at == pytest.approx(rows.now(), abs=30)
    row = rows.row(t.lanes, lane.id)
    assert row.passed == 42
    assert row.lease - rows.now() > 30


def test_a_call_that_begins_sees_that_new_work_came(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    rows.touch(lane.id)
    begun = rows.begin(lane, message)
    assert begun is not None
    assert begun.wake == lane.wake + 1


def test_an_earlier_message_that_came_since_the_head_was_read_goes_first(rows: Rows) -> None:
    lane = rows.claimed()
    later = rows.message(lane.id, order_key=2)
    rows.touch(lane.id)
    rows.message(lane.id, order_key=1)
    begun = rows.begin(lane, later)
    assert begun is not None
    assert (begun.attempt_id, begun.wake) == (None, lane.wake + 1)
    assert untouched(rows, later)


def test_an_earlier_message_that_is_being_accepted_is_waited_for(rows: Rows) -> None:
    """Its transaction holds the lane's row: a call can begin before that transaction or after it, not beside it."""
    lane = rows.claimed()
    later = rows.message(lane.id, order_key=2)
    rows.parts(later)
    with ThreadPoolExecutor(1) as worker:
        with rows.database.write() as connection:
            lanes.touch(connection, [lane.id], lanes.clock(connection))
            begun = worker.submit(rows.begin, lane, later)
            new = replace(NEW_MESSAGE, lane_id=lane.id, service_id="earlier", order_key=1)
            messages.insert_new(connection, rows.account, new, envelope_id=None, at=lanes.clock(connection))
        answer = begun.result()
    assert answer is not None
    assert answer.attempt_id is None


def test_what_was_begun_stays_the_head_whatever_comes(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id, order_key=2)
    rows.finish(message, rows.begun(lane, message), Outcome.TRANSIENT, part_state="pending")
    rows.touch(lane.id)
    rows.message(lane.id, order_key=1)
    assert rows.begun(lane, message)


def lose_lane(rows: Rows, lane: Lane, _message: int) -> None:
    rows.set(t.lanes, lane.id, lease=rows.now() - 1)
    rows.claim(lane.id, "thief")


def hold_lane(rows: Rows, lane: Lane, _message: int) -> None:
    rows.write(lanes.hold, lane.id, 99)


def pause_side(rows: Rows, _lane: Lane, _message: int) -> None:
    rows.write(accounts.pause_side, rows.account, Side.SERVICE, hint="revoked")


def purge(rows: Rows, _lane: Lane, _message: int) -> None:
    rows.write(accounts.set_state, rows.account, RunState.PURGED)


def pause_portal(rows: Rows, _lane: Lane, _message: int) -> None:
    rows.write(portals.pause, PORTAL, hint="uninstalled")


def end(rows: Rows, _lane: Lane, message: int) -> None:
    rows.write(messages.finish, message, Status.FAILED)


def cancel(rows: Rows, _lane: Lane, message: int) -> None:
    rows.write(messages.finish, message, Status.CANCELLED)


def end_time(rows: Rows, _lane: Lane, message: int) -> None:
    rows.set(t.messages, message, deadline_at=rows.now() + 5)


@pytest.mark.parametrize(
    "stand_in_the_way", [lose_lane, hold_lane, pause_side, purge, pause_portal, end, cancel, end_time]
)
def test_what_stands_in_the_way_wins_over_a_message_in_memory(
    rows: Rows, stand_in_the_way: Callable[[Rows, Lane, int], None]
) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id, deadline=600.0)
    rows.parts(message)
    stand_in_the_way(rows, lane, message)
    assert rows.begin(lane, message, room=10.0) is None
    assert untouched(rows, message)


def test_a_deadline_that_leaves_room_is_no_obstacle(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id, deadline=600.0)
    assert rows.begin(lane, message, room=10.0) is not None


def test_what_is_being_called_is_not_called_again(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    attempt = rows.begun(lane, message)
    assert rows.begin(lane, message) is None
    assert rows.head(message).calling == attempt
    assert len(rows.read(attempts.of_message, message)) == 1


def test_of_two_who_begin_at_once_one_calls(rows: Rows) -> None:
    lane = rows.claimed()
    for _ in range(15):
        message = rows.message(lane.id)
        rows.parts(message)

        def begin(_: int, message: int = message) -> bool:
            return rows.begin(lane, message) is not None

        assert sum(at_once(begin, range(3))) == 1
        assert rows.head(message).attempts == 1
        rows.sent(message)


def test_a_part_that_was_sent_meanwhile_is_not_called_again(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    first, _second = rows.parts(message, "one", "two")
    before = rows.head(message)
    rows.set(t.parts, first.id, state="sent")
    begun = rows.write(attempts.begin, lane, before, first, purpose=Purpose.SEND, lease=60.0, room=0.0, seen=lane.wake)
    assert begun is None
    assert rows.read(attempts.of_message, message) == []
    assert [part.state for part in rows.head(message).parts] == ["sent", "pending"]
    assert rows.begin(lane, message, 1) is not None


def test_only_the_first_try_of_a_message_moves_the_order_on(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id, order_key=5)
    rows.finish(message, rows.begun(lane, message), Outcome.TRANSIENT, part_state="pending")
    rows.set(t.lanes, lane.id, passed=3)
    rows.begun(lane, message)
    assert rows.row(t.lanes, lane.id).passed == 3


# Finishing ----------------------------------------------------------------------------------------------------------


def test_the_fact_is_recorded(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    attempt = rows.begun(lane, message)
    assert rows.finish(message, attempt, Outcome.TRANSIENT, part_state="pending", code="http_503", detail="busy")
    head = rows.head(message)
    assert (head.calling, head.attempts) == (None, 1)
    assert head.parts[0].state == "pending"
    (row,) = rows.read(attempts.of_message, message)
    assert (row.outcome, row.duration, row.code, row.detail) == (Outcome.TRANSIENT, 0.5, "http_503", "busy")


def test_what_costs_no_attempt_gives_it_back(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    for _ in range(3):
        attempt = rows.begun(lane, message)
        rows.finish(message, attempt, Outcome.TRANSIENT, part_state="pending", free=True)
    assert rows.head(message).attempts == 0
    assert len(rows.read(attempts.of_message, message)) == 3


def test_who_lost_the_lane_in_the_call_still_records_what_became_of_it(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    attempt = rows.begun(lane, message)
    rows.set(t.lanes, lane.id, lease=rows.now() - 1)
    rows.claim(lane.id, "thief")
    assert rows.read(attempts.is_held, rows.head(message), attempt)
    assert rows.finish(message, attempt)
    assert rows.head(message).parts[0].state == "sent"


def test_a_purge_in_the_call_does_not_lose_the_fact(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    attempt = rows.begun(lane, message)
    rows.write(messages.finish, message, Status.CANCELLED)
    assert rows.finish(message, attempt)
    assert rows.row(t.messages, message).calling is None
    assert rows.head(message).parts[0].state == "sent"


def test_giving_up_counts_a_crash_and_says_so(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    attempt = rows.begun(lane, message)
    assert rows.write(attempts.give_up, rows.head(message), part_state="unknown")
    head = rows.head(message)
    assert (head.calling, head.crashes, head.attempts) == (None, 1, 1)
    assert (head.parts[0].state, head.parts[0].attempt_id) == ("unknown", attempt)
    (row,) = rows.read(attempts.of_message, message)
    assert (row.outcome, row.code) == (Outcome.UNKNOWN, "worker_lost")


def test_a_call_that_ended_meanwhile_is_not_given_up(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    attempt = rows.begun(lane, message)
    seen = rows.head(message)
    rows.finish(message, attempt)
    assert not rows.write(attempts.give_up, seen, part_state="unknown")
    assert not rows.write(attempts.give_up, rows.head(message), part_state="unknown")
    assert rows.head(message).crashes == 0
    assert rows.head(message).parts[0].state == "sent"


def test_a_late_success_stays_sent_whoever_tries_again(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    late = rows.begun(lane, message)
    rows.write(attempts.give_up, rows.head(message), part_state="pending")
    second = rows.begun(lane, message)
    assert not rows.read(attempts.is_held, rows.head(message), late)
    assert not rows.finish(message, late)
    head = rows.head(message)
    assert (head.calling, head.parts[0].state) == (second, "sent")
    assert rows.finish(message, second, Outcome.TRANSIENT, part_state="pending")
    assert rows.head(message).parts[0].state == "sent"
    found = {row.id: row.outcome for row in rows.read(attempts.of_message, message)}
    assert found == {late: Outcome.OK, second: Outcome.TRANSIENT}


def test_a_late_failure_changes_only_its_own_record(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    late = rows.begun(lane, message)
    rows.write(attempts.give_up, rows.head(message), part_state="pending")
    second = rows.begun(lane, message)
    assert not rows.finish(message, late, Outcome.REJECTED, part_state="failed", free=True)
    head = rows.head(message)
    assert (head.calling, head.attempts, head.parts[0].state) == (second, 2, "calling")


def test_of_a_worker_that_comes_back_and_one_that_gives_it_up_one_judges(rows: Rows) -> None:
    lane = rows.claimed()
    for _ in range(20):
        message = rows.message(lane.id)
        attempt = rows.begun(lane, message)
        seen = rows.head(message)

        def finish(message: int = message, attempt: str = attempt) -> bool:
            return rows.finish(message, attempt)

        def give_up(seen: messages.Head = seen) -> bool:
            return rows.write(attempts.give_up, seen, part_state="unknown")

        both: list[Callable[[], bool]] = [finish, give_up]
        finished, given_up = at_once(call, both)
        assert finished is not given_up
        head = rows.head(message)
        assert (head.calling, head.parts[0].state) == (None, "sent")
        rows.sent(message)


def test_another_sides_words_are_kept_whatever_they_hold(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    attempt = rows.begun(lane, message)
    rows.finish(message, attempt, Outcome.REJECTED, part_state="failed", code="x\x00y", detail="bad \x00 byte \ud800")
    (row,) = rows.read(attempts.of_message, message)
    assert (row.code, row.detail) == ("xy", "bad  byte \ufffd")


def test_a_call_without_intent_is_recorded_where_it_began(rows: Rows) -> None:
    message = rows.message(rows.lane())
    fact = Fact(Outcome.REJECTED, 3.0, "http_404", "gone")
    rows.write(attempts.record, message, purpose=Purpose.STATUS, fact=fact, worker="w")
    (row,) = rows.read(attempts.of_message, message)
    assert (row.purpose, row.worker, row.outcome, row.code) == (Purpose.STATUS, "w", Outcome.REJECTED, "http_404")
    assert (row.duration, row.detail) == (3.0, "gone")
    assert row.started_at <= rows.now() - 3


def test_calls_are_shown_in_their_order(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    begun = []
    for age in (30, 20, 10):
        attempt = rows.begun(lane, message)
        rows.set(t.attempts, attempt, started_at=rows.now() - age)
        rows.finish(message, attempt, Outcome.TRANSIENT, part_state="pending")
        begun.append(attempt)
    assert [row.id for row in rows.read(attempts.of_message, message)] == begun
