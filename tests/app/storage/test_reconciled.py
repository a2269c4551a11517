from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from app.storage import portals, reconciled
from app.storage.reconciled import Due, Mark, Outcome
from app.storage.tables import reconciled as table
from tests.app.storage.rows import PORTAL, Rows, at_once

NOTHING = Outcome(until=None, answers=None, oldest_left=None)


def give_back(rows: Rows, owner: str = "one", **changes: float | None) -> None:
    rows.write(reconciled.give_back, PORTAL, owner=owner, outcome=replace(NOTHING, **changes))


def mark(rows: Rows) -> Mark:
    return rows.read(reconciled.mark, PORTAL)


def due(rows: Rows, *, least_pause: float = 300, routine: float = 0) -> list[Due]:
    return rows.read(reconciled.due, least_pause=least_pause, routine=routine)


def later(rows: Rows, seconds: float) -> None:
    names = ("lease", "ran_at", "wanted_at")
    rows.write(
        lambda connection: connection.execute(update(table).values({one: table.c[one] - seconds for one in names}))
    )


def test_one_at_a_time_has_a_portal(rows: Rows) -> None:
    assert mark(rows).until is None
    assert rows.write(reconciled.take, PORTAL, owner="one", lease=60) is not None
    assert rows.write(reconciled.take, PORTAL, owner="two", lease=60) is None
    give_back(rows, "two", until=7.0)
    assert mark(rows).until is None
    give_back(rows, until=7.0)
    taken = rows.write(reconciled.take, PORTAL, owner="two", lease=60)
    assert taken is not None
    assert taken.until == 7.0
    assert taken.now == pytest.approx(rows.now(), abs=60)


def test_of_many_at_once_one_gets_it(rows: Rows) -> None:
    taken = at_once(lambda owner: rows.write(reconciled.take, PORTAL, owner=owner, lease=60), "abcdefgh")
    assert sum(one is not None for one in taken) == 1


def test_a_lease_that_ran_out_is_taken_over_and_cannot_be_renewed(rows: Rows) -> None:
    rows.write(reconciled.take, PORTAL, owner="one", lease=60)
    assert rows.write(reconciled.renew, PORTAL, owner="one", lease=60)
    later(rows, 61)
    assert rows.write(reconciled.take, PORTAL, owner="two", lease=60) is not None
    assert not rows.write(reconciled.renew, PORTAL, owner="one", lease=60)


def test_a_comparison_that_came_to_nothing_keeps_the_mark_and_what_was_asked_for(rows: Rows) -> None:
    rows.write(reconciled.take, PORTAL, owner="one", lease=60)
    give_back(rows, until=7.0, oldest_left=3.0)
    rows.write(reconciled.want, reason="a test", since=5.0)
    rows.write(reconciled.take, PORTAL, owner="one", lease=60)
    give_back(rows, oldest_left=3.0)
    found = mark(rows)
    assert (found.until, found.wanted_since, found.oldest_left) == (7.0, 5.0, 3.0)


def test_what_is_asked_for_meanwhile_stays_asked_for(rows: Rows) -> None:
    rows.write(reconciled.want, reason="before")
    started = rows.now()
    rows.write(reconciled.want, reason="meanwhile", portal_id=PORTAL)
    rows.write(reconciled.take, PORTAL, owner="one", lease=60)
    give_back(rows, until=started, answers=started)
    assert [one.reason for one in due(rows, least_pause=0)] == ["meanwhile"]
    rows.write(reconciled.take, PORTAL, owner="one", lease=60)
    give_back(rows, answers=rows.now())
    assert due(rows, least_pause=0) == []


def test_the_earliest_time_counts_that_is_asked_for(rows: Rows) -> None:
    for since in (None, 9.0, 5.0, 7.0, None):
        rows.write(reconciled.want, reason="a test", since=since)
    assert mark(rows).wanted_since == 5.0


def test_nobody_is_asked_where_no_portal_is(rows: Rows) -> None:
    rows.write(reconciled.want, reason="a test", portal_id=PORTAL + 1)
    assert due(rows) == []


def test_portals_are_due_that_run_rested_and_were_asked_for(rows: Rows) -> None:
    other = PORTAL + 1
    rows.write(portals.add, other, name="Other", refresh_token="sealed")
    rows.write(reconciled.want, reason="a test")
    assert [one.portal_id for one in due(rows)] == [PORTAL, other]
    rows.write(portals.pause, other, hint="")
    assert due(rows) == [Due(PORTAL, "a test")]
    rows.write(reconciled.take, PORTAL, owner="one", lease=60)
    assert due(rows) == []
    give_back(rows)
    assert due(rows) == []
    later(rows, 301)
    assert due(rows) == [Due(PORTAL, "a test")]


def test_a_routine_comes_round_unasked(rows: Rows) -> None:
    assert due(rows, routine=3_600) == [Due(PORTAL, "routine")]
    rows.write(reconciled.take, PORTAL, owner="one", lease=60)
    give_back(rows)
    later(rows, 3_599)
    assert due(rows, routine=3_600) == []
    later(rows, 2)
    assert due(rows, routine=3_600) == [Due(PORTAL, "routine")]
