from __future__ import annotations

from app.domain.account import RunState
from app.domain.lane import LaneKind
from app.storage import accounts, removals
from app.storage import tables as t
from app.storage.accounts import AccountRow
from tests.app.storage.rows import PORTAL, Rows

GRACE = 300.0


def account(rows: Rows) -> AccountRow:
    found = rows.read(accounts.get, rows.account)
    assert found is not None
    return found


def remove(rows: Rows, ago: float = 0.0) -> None:
    assert rows.write(removals.remove, rows.account, hint="Removed.")
    rows.set(t.accounts, rows.account, removed_at=rows.now() - ago)


def test_what_is_queued_waits_for_the_grace_and_is_cancelled_then(rows: Rows) -> None:
    queued = rows.message(rows.lane())
    other = rows.new_account()
    rows.message(rows.lane(account=other), account=other)
    rows.message(rows.lane("", LaneKind.CONTROL))
    remove(rows)
    assert rows.read(removals.queued, grace=GRACE, limit=9) == []
    assert not rows.write(removals.cancel, queued, grace=GRACE, hint="Removed.")
    rows.set(t.accounts, rows.account, removed_at=rows.now() - GRACE)
    assert rows.read(removals.queued, grace=GRACE, limit=9) == [queued]
    assert rows.write(removals.cancel, queued, grace=GRACE, hint="Removed.")
    row = rows.row(t.messages, queued)
    assert (row.status, row.reason, row.hint) == ("cancelled", "removed", "Removed.")


def test_a_message_in_a_call_is_left_to_it(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    rows.begun(lane, message)
    remove(rows, ago=GRACE)
    assert rows.read(removals.queued, grace=GRACE, limit=9) == []
    assert not rows.write(removals.cancel, message, grace=GRACE, hint="Removed.")


def test_an_account_that_comes_back_in_time_loses_nothing(rows: Rows) -> None:
    message = rows.message(rows.lane())
    remove(rows, ago=GRACE)
    assert rows.write(removals.revive, rows.account)
    assert not rows.write(removals.cancel, message, grace=GRACE, hint="Removed.")
    assert account(rows).state is RunState.RUNNING
    assert not rows.write(removals.revive, rows.account)


def test_a_paused_account_comes_back_paused(rows: Rows) -> None:
    rows.write(accounts.set_state, rows.account, RunState.PAUSED, hint="Holiday.")
    remove(rows)
    assert not rows.write(removals.remove, rows.account, hint="Again.")
    rows.write(removals.revive, rows.account)
    assert account(rows).state is RunState.PAUSED


def test_a_former_id_leads_to_the_account_until_hubspot_gives_it_to_another(rows: Rows) -> None:
    place = (PORTAL, account(rows).channel_id)
    first = account(rows).hubspot_id
    rows.write(removals.take_id, rows.account, "900")
    for known in (first, "900"):
        assert rows.read(accounts.by_hubspot, *place, known) == account(rows)
    rows.write(removals.take_id, rows.account, first)
    assert account(rows).hubspot_id == first
    assert rows.read(accounts.by_hubspot, *place, "900") == account(rows)


def test_wiped_credentials_are_gone_and_only_those_of_a_removed_account(rows: Rows) -> None:
    rows.write(removals.wipe, rows.account)
    assert not account(rows).is_wiped
    remove(rows)
    rows.write(removals.wipe, rows.account)
    assert account(rows).is_wiped
