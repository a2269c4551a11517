from __future__ import annotations

import random
import threading
import time

import pytest

from app.domain.account import RunState
from app.domain.lane import LaneKey, LaneKind
from app.storage import accounts, lanes, ordering, portals, rings
from app.storage import tables as t
from app.storage.accounts import Side
from app.storage.database import Database
from app.storage.lanes import RUNG_FOR, Touched
from app.storage.rings import Busy, DueLane
from tests.app.storage.rows import PORTAL, Rows, at_once, call

KINDS = list(LaneKind)


# Opening ------------------------------------------------------------------------------------------------------------


def test_a_lane_is_opened_once(rows: Rows) -> None:
    keys = [LaneKey(rows.account, kind, "c1") for kind in KINDS]
    first = rows.write(lanes.open_lanes, keys[:2], PORTAL)
    again = rows.write(lanes.open_lanes, [*keys, *keys], PORTAL)
    assert set(again) == set(keys)
    assert len(set(again.values())) == len(keys)
    assert {key: again[key] for key in first} == first


def test_new_lanes_are_numbered_in_the_order_of_their_keys(rows: Rows) -> None:
    keys = [LaneKey(rows.account, LaneKind.INBOUND, f"c{number:02d}") for number in range(20)]
    opened = rows.write(lanes.open_lanes, random.sample(keys, len(keys)), PORTAL)
    assert [opened[key] for key in keys] == sorted(opened.values())


def test_opening_no_lane_is_nothing(rows: Rows) -> None:
    assert rows.write(lanes.open_lanes, [], PORTAL) == {}


def test_lanes_that_many_open_at_once_are_the_same(rows: Rows) -> None:
    keys = [LaneKey(rows.account, LaneKind.INBOUND, f"c{number}") for number in range(10)]

    def open_shuffled(seed: int) -> dict[LaneKey, int]:
        return rows.write(lanes.open_lanes, random.Random(seed).sample(keys, len(keys)), PORTAL)

    found = at_once(open_shuffled, range(6))
    assert all(one == found[0] for one in found)


# Touching -----------------------------------------------------------------------------------------------------------


def test_touching_counts_and_makes_due_where_nothing_was_waited_for(rows: Rows) -> None:
    lane = rows.lane()
    at = rows.now()
    assert rows.write(lanes.touch, [lane], at) == [Touched(lane, True, None)]  # noqa: FBT003
    row = rows.row(t.lanes, lane)
    assert (row.wake, row.due) == (1, at)
    rows.write(lanes.touch, [lane], at + 1)
    row = rows.row(t.lanes, lane)
    assert (row.wake, row.due) == (2, at)


def test_a_lane_that_waits_is_neither_due_earlier_nor_rung(rows: Rows) -> None:
    lane = rows.lane()
    later = rows.now() + 60
    rows.set(t.lanes, lane, due=later)
    (touched,) = rows.touch(lane)
    assert not touched.ring
    row = rows.row(t.lanes, lane)
    assert (row.wake, row.due, row.rung_until) == (1, later, None)


def test_a_lane_is_rung_once_in_five_seconds(rows: Rows) -> None:
    lane = rows.lane()
    at = rows.now()

    def rings(seconds: float) -> bool:
        (touched,) = rows.write(lanes.touch, [lane], at + seconds)
        return touched.ring

    assert rings(0)
    assert not rings(0.1)
    assert not rings(RUNG_FOR - 0.1)
    assert rings(RUNG_FOR + 0.1)
    assert not rings(RUNG_FOR + 0.2)
    assert rows.row(t.lanes, lane).wake == 5


def test_an_owned_lane_is_not_rung_and_its_owner_sees_the_work(rows: Rows) -> None:
    lane = rows.claimed()
    (touched,) = rows.touch(lane.id)
    assert not touched.ring
    assert rows.write(lanes.renew, lane, lease=60) == lane.wake + 1


def test_a_lane_whose_owner_died_is_rung(rows: Rows) -> None:
    lane = rows.claimed()
    rows.set(t.lanes, lane.id, lease=rows.now() - 1)
    (touched,) = rows.touch(lane.id)
    assert touched.ring


def test_a_held_lane_is_not_rung(rows: Rows) -> None:
    lane = rows.lane()
    rows.write(lanes.hold, lane, 99)
    (touched,) = rows.touch(lane)
    assert not touched.ring
    assert rows.row(t.lanes, lane).wake == 1


def test_several_are_touched_in_one_statement_each_by_its_own_state(rows: Rows) -> None:
    quiet, owned, passed = rows.lane("a"), rows.claimed("b").id, rows.lane("c")
    rows.write(ordering.pass_order, passed, 17)
    touched = {one.id: one for one in rows.touch(passed, quiet, owned, quiet)}
    assert {key: (one.ring, one.passed) for key, one in touched.items()} == {
        quiet: (True, None),
        owned: (False, None),
        passed: (True, 17),
    }
    assert rows.row(t.lanes, quiet).wake == 1


# Waking -------------------------------------------------------------------------------------------------------------


def test_waking_beats_whatever_was_waited_for(rows: Rows) -> None:
    lane = rows.lane()
    rows.set(t.lanes, lane, due=rows.now() + 600, rung_until=rows.now() + 4)
    rows.write(lanes.wake, lane)
    row = rows.row(t.lanes, lane)
    assert row.due <= rows.now()
    assert (row.wake, row.rung_until) == (1, None)
    assert rows.claim(lane).id == lane


def test_waking_an_account_wakes_its_waiting_lanes_only(rows: Rows) -> None:
    other = rows.new_account()
    waiting, idle, foreign = rows.lane("a"), rows.lane("b"), rows.lane("a", account=other)
    later = rows.now() + 600
    rows.set(t.lanes, waiting, due=later)
    rows.set(t.lanes, foreign, due=later)
    rows.write(lanes.wake_account, rows.account)
    assert rows.row(t.lanes, waiting).due <= rows.now()
    assert rows.row(t.lanes, idle).due is None
    assert rows.row(t.lanes, foreign).due == later


# Claiming -----------------------------------------------------------------------------------------------------------


def test_a_due_lane_is_claimed_as_it_is(rows: Rows) -> None:
    lane_id = rows.due_lane("c9", LaneKind.INBOUND)
    lane = rows.claim(lane_id, "me", lease=30)
    assert (lane.id, lane.account_id, lane.portal_id) == (lane_id, rows.account, PORTAL)
    assert (lane.kind, lane.conversation, lane.owner, lane.wake) == (LaneKind.INBOUND, "c9", "me", 1)
    assert lane.slot_in is None
    row = rows.row(t.lanes, lane_id)
    assert row.owner == "me"
    assert 25 < row.lease - rows.now() <= 30
    assert row.rung_until is None
    assert row.due is not None


def test_a_lane_without_work_is_not_claimed(rows: Rows) -> None:
    lane = rows.lane()
    assert rows.write(lanes.claim, lane, owner="me", lease=30) is None
    rows.set(t.lanes, lane, due=rows.now() + 60)
    assert rows.write(lanes.claim, lane, owner="me", lease=30) is None
    assert rows.write(lanes.claim, lane + 1000, owner="me", lease=30) is None


def test_a_claimed_lane_is_claimed_again_only_after_its_lease(rows: Rows) -> None:
    lane = rows.claimed()
    assert rows.write(lanes.claim, lane.id, owner="other", lease=30) is None
    rows.set(t.lanes, lane.id, lease=rows.now() - 0.01)
    assert rows.claim(lane.id, "other").owner == "other"


def test_a_held_lane_is_not_claimed(rows: Rows) -> None:
    lane = rows.due_lane()
    rows.write(lanes.hold, lane, 99)
    assert rows.write(lanes.claim, lane, owner="me", lease=30) is None
    rows.write(lanes.unhold, 98)
    assert rows.write(lanes.claim, lane, owner="me", lease=30) is None
    rows.set(t.lanes, lane, due=rows.now() + 600)
    rows.write(lanes.unhold, 99)
    assert rows.claim(lane).wake == 2


@pytest.mark.parametrize(
    ("side", "stopped"),
    [(Side.SERVICE, {LaneKind.OUTBOUND}), (Side.HUBSPOT, {LaneKind.INBOUND, LaneKind.STATUS})],
)
def test_a_paused_side_stops_only_what_goes_there(rows: Rows, side: Side, stopped: set[LaneKind]) -> None:
    ids = {kind: rows.due_lane(kind=kind) for kind in KINDS}
    rows.write(accounts.pause_side, rows.account, side, hint="revoked")
    claimed = {kind for kind, one in ids.items() if rows.write(lanes.claim, one, owner="me", lease=30)}
    assert claimed == set(KINDS) - stopped
    rows.write(accounts.resume_side, rows.account, side)
    assert all(rows.claim(ids[kind]) for kind in stopped)


@pytest.mark.parametrize(
    ("state", "passing"),
    [(RunState.PAUSED, {LaneKind.CONTROL}), (RunState.PURGED, {LaneKind.CONTROL, LaneKind.STATUS})],
)
def test_a_stopped_account_lets_only_account_events_pass_and_a_removed_one_what_agents_have_to_know(
    rows: Rows, state: RunState, passing: set[LaneKind]
) -> None:
    ids = {kind: rows.due_lane(kind=kind) for kind in KINDS}
    rows.write(accounts.set_state, rows.account, state)
    claimed = {kind for kind, one in ids.items() if rows.write(lanes.claim, one, owner="me", lease=30)}
    assert claimed == passing


def test_a_paused_portal_stops_everything_of_its_own_and_nothing_else(rows: Rows) -> None:
    rows.write(portals.add, 815, name="Other", refresh_token="sealed")
    foreign = rows.new_account(portal_id=815)
    ids = [rows.due_lane(kind=kind) for kind in KINDS]
    other = rows.lane(account=foreign, portal=815)
    rows.touch(other)
    rows.write(portals.pause, PORTAL, hint="uninstalled")
    assert [rows.write(lanes.claim, one, owner="me", lease=30) for one in ids] == [None] * len(ids)
    assert rows.claim(other).portal_id == 815


def test_one_of_two_workers_wins_a_lane(rows: Rows) -> None:
    for number in range(25):
        lane_id = rows.due_lane(f"c{number}")

        def claim(owner: str, lane_id: int = lane_id) -> bool:
            return rows.write(lanes.claim, lane_id, owner=owner, lease=30) is not None

        assert sum(at_once(claim, ["a", "b", "c"])) == 1


# Renewing -----------------------------------------------------------------------------------------------------------


def test_renewing_keeps_the_lane_and_uses_its_slot_up(rows: Rows) -> None:
    lane_id = rows.due_lane()
    rows.set(t.lanes, lane_id, slot=rows.now() + 5)
    lane = rows.claim(lane_id, lease=10)
    assert lane.slot_in is not None
    assert 4 < lane.slot_in <= 5
    assert rows.write(lanes.renew, lane, lease=60) == lane.wake
    row = rows.row(t.lanes, lane_id)
    assert row.slot is None
    assert row.lease - rows.now() > 50


def test_a_lost_lane_is_not_renewed(rows: Rows) -> None:
    lane = rows.claimed()
    rows.set(t.lanes, lane.id, lease=rows.now() - 1)
    thief = rows.claim(lane.id, "thief")
    assert rows.write(lanes.renew, lane, lease=60) is None
    assert rows.write(lanes.renew, thief, lease=60) is not None


def test_a_lane_whose_account_stopped_is_not_renewed(rows: Rows) -> None:
    lane = rows.claimed()
    rows.write(accounts.pause_side, rows.account, Side.SERVICE, hint="revoked")
    assert rows.write(lanes.renew, lane, lease=60) is None


def test_a_lane_that_was_held_meanwhile_is_not_renewed(rows: Rows) -> None:
    lane = rows.claimed()
    rows.write(lanes.hold, lane.id, 99)
    assert rows.write(lanes.renew, lane, lease=60) is None


# Releasing ----------------------------------------------------------------------------------------------------------


def test_a_lane_with_nothing_to_do_rests(rows: Rows) -> None:
    lane = rows.claimed()
    assert rows.write(lanes.release, lane, seen=lane.wake, due_in=None) is False
    row = rows.row(t.lanes, lane.id)
    assert (row.owner, row.lease, row.due, row.slot) == (None, None, None, None)


@pytest.mark.parametrize("due_in", [None, 600.0])
def test_work_that_came_meanwhile_makes_the_lane_due_now(rows: Rows, due_in: float | None) -> None:
    lane = rows.claimed()
    rows.touch(lane.id)
    assert rows.write(lanes.release, lane, seen=lane.wake, due_in=due_in) is True
    assert rows.row(t.lanes, lane.id).due <= rows.now()
    assert rows.claim(lane.id).wake == lane.wake + 1


def test_a_lane_waits_as_long_as_it_said(rows: Rows) -> None:
    lane = rows.claimed()
    assert rows.write(lanes.release, lane, seen=lane.wake, due_in=30.0, slot=20.0) is False
    row = rows.row(t.lanes, lane.id)
    assert 25 < row.due - rows.now() <= 30
    assert 15 < row.slot - rows.now() <= 20


def test_a_lane_that_is_not_done_is_rung_again(rows: Rows) -> None:
    lane = rows.claimed()
    assert rows.write(lanes.release, lane, seen=lane.wake, due_in=0.0) is True
    assert rows.claim(lane.id).id == lane.id


def test_who_lost_a_lane_releases_nothing(rows: Rows) -> None:
    lane = rows.claimed()
    rows.set(t.lanes, lane.id, lease=rows.now() - 1)
    thief = rows.claim(lane.id, "thief")
    assert rows.write(lanes.release, lane, seen=lane.wake, due_in=None) is False
    row = rows.row(t.lanes, lane.id)
    assert (row.owner, row.due is None) == (thief.owner, False)


def test_no_wake_up_is_lost_between_touch_and_release(rows: Rows) -> None:
    lane_id = rows.lane()
    for number in range(40):
        rows.touch(lane_id)
        lane = rows.claim(lane_id, f"w{number}")

        def touch(lane: lanes.Lane = lane) -> bool:
            (touched,) = rows.touch(lane.id)
            return touched.ring

        def release(lane: lanes.Lane = lane) -> bool:
            return rows.write(lanes.release, lane, seen=lane.wake, due_in=None)

        rung = at_once(call, [touch, release])
        row = rows.row(t.lanes, lane_id)
        assert row.due is not None
        assert row.wake == lane.wake + 1
        assert any(rung)
        rows.set(t.lanes, lane_id, rung_until=None)


# The scheduler's view -----------------------------------------------------------------------------------------------


def test_due_lanes_come_the_longest_due_first(rows: Rows) -> None:
    now = rows.now()
    ids = [rows.lane(f"c{number}") for number in range(4)]
    for lane, age in zip(ids, (1, 3, 2, -60), strict=True):
        rows.set(t.lanes, lane, due=now - age)
    found = rows.read(rings.due, each=10)
    assert found == [DueLane(ids[at], rows.account, PORTAL, LaneKind.OUTBOUND) for at in (1, 2, 0)]
    assert rows.read(rings.due, each=1) == found[:1]


def test_owned_held_rung_and_stopped_lanes_are_not_due(rows: Rows) -> None:
    rows.claimed("owned")
    rows.write(lanes.hold, rows.due_lane("held"), 99)
    rows.due_lane("rung")
    rows.write(accounts.pause_side, rows.account, Side.HUBSPOT, hint="off")
    inbound = rows.lane("stopped", LaneKind.INBOUND)
    rows.set(t.lanes, inbound, due=rows.now() - 1)
    assert rows.read(rings.due, each=10) == []
    rows.write(accounts.resume_side, rows.account, Side.HUBSPOT)
    assert [one.id for one in rows.read(rings.due, each=10)] == [inbound]


def test_a_rung_lane_is_due_again_when_nobody_came(rows: Rows) -> None:
    lane = rows.due_lane()
    assert rows.read(rings.due, each=10) == []
    rows.set(t.lanes, lane, rung_until=rows.now() - 0.01)
    assert [one.id for one in rows.read(rings.due, each=10)] == [lane]


def test_marking_as_rung_returns_each_lane_to_one_only(rows: Rows) -> None:
    ids = [rows.lane(f"c{number}") for number in range(20)]
    for lane in ids:
        rows.set(t.lanes, lane, due=rows.now() - 1)

    def mark(seed: int) -> list[int]:
        return rows.write(rings.mark_rung, random.Random(seed).sample(ids, len(ids)))

    rung = [lane for mine in at_once(mark, range(4)) for lane in mine]
    assert sorted(rung) == ids
    assert rows.read(rings.due, each=100) == []
    assert rows.write(rings.mark_rung, ids) == []


def test_a_lane_that_was_taken_since_it_was_seen_is_not_marked(rows: Rows) -> None:
    """The mark would outlive the worker's turn, and nobody would be rung for what comes next."""
    lane = rows.claimed("taken")
    assert rows.write(rings.mark_rung, [lane.id]) == []
    rows.write(lanes.release, lane, seen=lane.wake, due_in=None)
    assert [one.ring for one in rows.write(lanes.touch, [lane.id], rows.now())] == [True]


def test_rung_owned_and_slot_holding_lanes_are_in_flight(rows: Rows) -> None:
    other = rows.new_account()
    now = rows.now()
    rows.due_lane("rung")
    rows.claimed("owned")
    slot = rows.lane("slot", account=other)
    rows.set(t.lanes, slot, due=now + 5, slot=now + 5)
    for conversation, values in (
        ("idle", {"due": None, "rung_until": now + 5}),
        ("rang in vain", {"due": now, "rung_until": now - 1}),
        ("owner died", {"due": now, "owner": "gone", "lease": now - 1}),
        ("slot is over", {"due": now, "slot": now - 1}),
        ("waits", {"due": now + 60}),
    ):
        rows.set(t.lanes, rows.lane(conversation), **values)
    found = sorted(rows.read(rings.in_flight), key=lambda one: one.account_id)
    assert found == [Busy(PORTAL, rows.account, 2, 0), Busy(PORTAL, other, 1, 0)]


def test_the_next_slot_is_the_nearest_that_can_still_be_used(rows: Rows) -> None:
    assert rows.read(rings.next_slot_in) is None
    now = rows.now()
    for conversation, slot in (("a", 9.0), ("b", 4.0), ("void", -30.0)):
        rows.set(t.lanes, rows.lane(conversation), due=now + slot, slot=now + slot)
    soonest = rows.read(rings.next_slot_in)
    assert soonest is not None
    assert 3 < soonest <= 4


def test_a_lane_that_just_came_due_for_its_slot_is_looked_at_soon(rows: Rows) -> None:
    now = rows.now()
    rows.set(t.lanes, rows.lane(), due=now, slot=now)
    soonest = rows.read(rings.next_slot_in)
    assert soonest is not None
    assert soonest <= 0


def test_portals_are_full_exactly_as_said(rows: Rows) -> None:
    for portal in (1, 2, 3):
        rows.write(portals.add, portal, name="", refresh_token="sealed")

    def full() -> set[int]:
        return {one for one in (1, 2, 3, PORTAL) if rows.row(t.portals, one).full}

    for said in ({1, 2}, {2, 3}, set[int](), {PORTAL}):
        rows.write(rings.set_full, said)
        assert full() == said


def test_the_backlog_counts_due_lanes_and_their_age(rows: Rows) -> None:
    assert rows.read(rings.backlog) == (0, 0.0)
    now = rows.now()
    for conversation, age in (("a", 10), ("b", 2), ("later", -60)):
        rows.set(t.lanes, rows.lane(conversation), due=now - age)
    count, oldest = rows.read(rings.backlog)
    assert count == 2
    assert 10 <= oldest < 20


def test_a_lane_knows_its_portal(rows: Rows) -> None:
    assert rows.read(lanes.portal_of, rows.account) == PORTAL


# Everybody at once --------------------------------------------------------------------------------------------------


def accept_like(rows: Rows, seed: int, *, rounds: int, conversations: int) -> int:
    """Open and touch the same lanes in the order of a shuffled envelope, again and again."""
    chance = random.Random(seed)
    keys = [LaneKey(rows.account, LaneKind.INBOUND, f"c{number}") for number in range(conversations)]
    for _ in range(rounds):
        with rows.database.write() as connection:
            opened = lanes.open_lanes(connection, chance.sample(keys, len(keys)), PORTAL)
            ids = list(opened.values())
            lanes.touch(connection, chance.sample(ids, len(ids)), lanes.clock(connection))
    return rounds


def test_eight_threads_touch_eight_lanes_in_any_order_without_deadlock(postgres: Database) -> None:
    rows = Rows(postgres)
    done = at_once(lambda seed: accept_like(rows, seed, rounds=30, conversations=8), range(8))
    wakes = [rows.row(t.lanes, rows.lane(f"c{number}", LaneKind.INBOUND)).wake for number in range(8)]
    assert wakes == [sum(done)] * 8


def test_sixteen_threads_write_to_sqlite_and_none_is_refused(sqlite: Database) -> None:
    rows = Rows(sqlite)
    done = at_once(lambda seed: accept_like(rows, seed, rounds=5, conversations=3), range(16))
    wakes = [rows.row(t.lanes, rows.lane(f"c{number}", LaneKind.INBOUND)).wake for number in range(3)]
    assert wakes == [sum(done)] * 3


def test_reading_waits_for_no_writer(rows: Rows) -> None:
    lane = rows.due_lane()
    writing, done = threading.Event(), threading.Event()

    def write() -> None:
        with rows.database.write() as connection:
            lanes.wake(connection, lane)
            writing.set()
            done.wait(timeout=10)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert writing.wait(timeout=10)
        started = time.monotonic()
        with rows.database.read() as connection:
            assert rings.backlog(connection)[0] == 1
        assert time.monotonic() - started < 5
    finally:
        done.set()
        writer.join()
