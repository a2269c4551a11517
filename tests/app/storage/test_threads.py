from __future__ import annotations

import uuid

import pytest

from app.domain.lane import LaneKind
from app.domain.message import Direction
from app.domain.person import Identifier, Person
from app.storage import tables as t
from app.storage import threads
from app.storage.database import Connection
from app.storage.threads import Thread
from tests.app.storage.rows import DANA, Rows, at_once

EVE = Person(identifier=Identifier(value="eve"), name="Eve")


def open_one(rows: Rows, conversation: str, person: Person | None = DANA) -> Thread:
    return rows.write(threads.open_threads, rows.account, {conversation: person})[conversation]


def named(rows: Rows, *ours: str) -> list[str]:
    return [one.id for one in rows.read(threads.by_integration_ids, rows.account, ours)]


def at_hubspot(rows: Rows, hubspot: str) -> list[str]:
    return [one.id for one in rows.read(threads.by_hubspot_id, rows.account, hubspot)]


def of_person(rows: Rows, person: str) -> list[str]:
    return [one.id for one in rows.read(threads.by_person, rows.account, person)]


def learn(rows: Rows, thread: Thread, *ours: str, hubspot: str | None = None) -> Thread:
    rows.write(threads.learn, thread, ours=ours, hubspot=hubspot)
    again = rows.read(threads.get, thread.id)
    assert again is not None
    return again


# Opening ------------------------------------------------------------------------------------------------------------


def test_a_thread_is_born_with_an_id_of_its_own_and_found_again(rows: Rows) -> None:
    opened = rows.write(threads.open_threads, rows.account, {"c1": DANA, "c2": None})
    assert uuid.UUID(opened["c1"].id) != uuid.UUID(opened["c2"].id)
    assert (opened["c1"].account_id, opened["c1"].conversation) == (rows.account, "c1")
    assert (opened["c1"].person, opened["c2"].person) == (DANA, None)
    assert opened["c1"].hubspot_thread_id is None
    again = rows.write(threads.open_threads, rows.account, {"c2": None, "c3": None, "c1": DANA})
    assert {name: again[name] for name in opened} == opened
    assert rows.read(threads.get, opened["c1"].id) == opened["c1"]
    assert rows.read(threads.get, "nobody") is None


def test_two_accounts_share_no_thread(rows: Rows) -> None:
    assert rows.thread("c1") != rows.thread("c1", account=rows.new_account())


def test_a_thread_remembers_who_wrote_last(rows: Rows) -> None:
    thread = open_one(rows, "c1", None)
    for writes, remembered in ((DANA, DANA), (None, DANA), (EVE, EVE)):
        open_one(rows, "c1", writes)
        now = rows.read(threads.get, thread.id)
        assert now is not None
        assert now.person == remembered


def test_a_name_that_databases_refuse_does_not_stop_a_message(rows: Rows) -> None:
    odd = Person(identifier=Identifier(value="dana"), name="Da\x00na")
    thread = open_one(rows, "c1", odd)
    open_one(rows, "c2", DANA)
    open_one(rows, "c2", odd)
    stored = rows.read(threads.get, thread.id)
    assert stored is not None
    assert stored.person == DANA


def test_threads_that_many_open_at_once_are_the_same(rows: Rows) -> None:
    people = dict.fromkeys([f"c{number}" for number in range(8)], DANA)

    def opened(_: int) -> dict[str, str]:
        return {name: one.id for name, one in rows.write(threads.open_threads, rows.account, people).items()}

    found = at_once(opened, range(6))
    assert all(one == found[0] for one in found)


# Finding ------------------------------------------------------------------------------------------------------------


def test_a_thread_is_found_by_each_of_its_names(rows: Rows) -> None:
    thread = open_one(rows, "chat 17")
    open_one(rows, "other", EVE)
    learn(rows, thread, "their-id", hubspot="h1")
    for ours in ((thread.id,), ("unknown", thread.id), ("unknown", "their-id"), ("their-id", thread.id)):
        assert named(rows, *ours) == [thread.id]
    assert at_hubspot(rows, "h1") == of_person(rows, "chat 17") == of_person(rows, "dana") == [thread.id]


def test_nobody_is_found_by_no_name(rows: Rows) -> None:
    open_one(rows, "c1", None)
    for name in ("", "unknown"):
        assert named(rows, name) == at_hubspot(rows, name) == of_person(rows, name) == []
    assert named(rows) == []


def test_after_a_merge_each_thread_is_found_in_the_order_of_its_ids(rows: Rows) -> None:
    first, second = open_one(rows, "a"), open_one(rows, "b", EVE)
    for thread in (first, second):
        learn(rows, thread, hubspot="h1")
    assert named(rows, second.id, "unknown", first.id) == [second.id, first.id]
    assert at_hubspot(rows, "h1") == [first.id, second.id]


def test_a_conversation_of_a_persons_name_comes_before_others_of_the_person(rows: Rows) -> None:
    group, own = open_one(rows, "group"), open_one(rows, "dana")
    assert of_person(rows, "dana") == [own.id, group.id]


def test_who_has_ever_written_takes_part(rows: Rows) -> None:
    thread = open_one(rows, "group")
    lane = rows.lane("group")
    rows.message(lane, direction=Direction.INBOUND, thread_id=thread.id, sender=EVE, service_id="m9")
    assert all(rows.read(threads.concerns, thread, one) for one in ("group", "dana", "eve"))
    assert not rows.read(threads.concerns, thread, "mallory")


def test_another_accounts_threads_are_not_found(rows: Rows) -> None:
    other = rows.new_account()
    foreign = rows.read(threads.get, rows.thread("c1", account=other))
    assert foreign is not None
    learn(rows, foreign, "alias", hubspot="h1")
    assert named(rows, foreign.id, "alias") == at_hubspot(rows, "h1") == of_person(rows, "c1") == []


def test_hubspot_may_change_its_own_id_of_a_thread(rows: Rows) -> None:
    thread = learn(rows, open_one(rows, "c1"), hubspot="h1")
    thread = learn(rows, thread, hubspot=None)
    assert thread.hubspot_thread_id == "h1"
    thread = learn(rows, thread, hubspot="h2")
    assert thread.hubspot_thread_id == "h2"
    assert at_hubspot(rows, "h2") == [thread.id]
    assert at_hubspot(rows, "h1") == []


def test_an_alias_stays_with_the_thread_that_had_it_first(rows: Rows) -> None:
    first, second = open_one(rows, "a"), open_one(rows, "b")
    learn(rows, first, "alias", first.id)
    learn(rows, second, "alias")
    assert named(rows, "alias") == [first.id]
    with rows.database.read() as connection:
        assert len(connection.execute(t.thread_aliases.select()).all()) == 1


def test_a_thread_of_our_own_is_nobodys_alias(rows: Rows) -> None:
    first, second = open_one(rows, "a"), open_one(rows, "b")
    learn(rows, first, second.id)
    assert named(rows, second.id) == [second.id]
    assert rows.read(threads.newest_alias, first.id) is None


def test_the_alias_that_was_learnt_last_counts(rows: Rows) -> None:
    thread = open_one(rows, "a")
    for alias in ("z", "m", "a"):
        learn(rows, thread, alias)
        rows.write(_age_aliases)
    assert rows.read(threads.newest_alias, thread.id) == "a"


def _age_aliases(connection: Connection) -> None:
    connection.execute(t.thread_aliases.update().values(learned_at=t.thread_aliases.c.learned_at - 1))


# Moving and opting out ----------------------------------------------------------------------------------------------


def test_a_conversation_that_moves_keeps_its_thread_and_takes_its_lanes_along(rows: Rows) -> None:
    thread = open_one(rows, "old")
    kinds = (LaneKind.INBOUND, LaneKind.OUTBOUND, LaneKind.STATUS)
    before = {kind: rows.lane("old", kind) for kind in kinds}
    message = rows.message(before[LaneKind.OUTBOUND])
    bystander = rows.lane("bystander")
    rows.write(threads.move, rows.account, "old", "new")
    assert open_one(rows, "new").id == thread.id
    assert {kind: rows.lane("new", kind) for kind in kinds} == before
    assert rows.row(t.messages, message).lane_id == rows.lane("new", LaneKind.OUTBOUND)
    assert rows.lane("bystander") == bystander
    assert open_one(rows, "old").id != thread.id


def test_a_lane_that_is_there_already_is_not_overwritten(rows: Rows) -> None:
    open_one(rows, "old")
    old, new, status = rows.lane("old"), rows.lane("new"), rows.lane("old", LaneKind.STATUS)
    rows.write(threads.move, rows.account, "old", "new")
    assert (rows.lane("old"), rows.lane("new"), rows.lane("new", LaneKind.STATUS)) == (old, new, status)


def test_a_conversation_does_not_move_onto_another(rows: Rows) -> None:
    old, new, lane = open_one(rows, "old"), open_one(rows, "new"), rows.lane("old")
    rows.write(threads.move, rows.account, "old", "new")
    assert open_one(rows, "old").id == old.id
    assert open_one(rows, "new").id == new.id
    assert rows.lane("old") == lane


def test_a_move_told_twice_happens_once(rows: Rows) -> None:
    thread = open_one(rows, "old")
    for _ in range(2):
        rows.write(threads.move, rows.account, "old", "new")
    assert open_one(rows, "new").id == thread.id


def test_another_accounts_conversation_stays(rows: Rows) -> None:
    other = rows.new_account()
    thread, lane = rows.thread("old", account=other), rows.lane("old", account=other)
    rows.write(threads.move, rows.account, "old", "new")
    assert rows.thread("old", account=other) == thread
    assert rows.lane("old", account=other) == lane


@pytest.mark.parametrize("opted_out", [True, False])
def test_whether_the_person_lets_us_write_is_remembered(rows: Rows, *, opted_out: bool) -> None:
    thread, other = rows.thread("c1"), rows.thread("c2")
    rows.set(t.threads, thread, opted_out=not opted_out)
    rows.write(threads.set_opted_out, rows.account, "c1", opted_out=opted_out)
    assert rows.row(t.threads, thread).opted_out is opted_out
    assert rows.row(t.threads, other).opted_out is False
