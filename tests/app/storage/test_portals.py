from __future__ import annotations

from functools import partial

from app.domain.account import RunState
from app.storage import portals
from app.storage import tables as t
from app.storage.portals import Portal, SealedTokens
from tests.app.storage.rows import PORTAL, Rows, at_once

TOKENS = SealedTokens("access", "next refresh", 1800.0)


def get(rows: Rows) -> Portal:
    portal = rows.read(portals.get, PORTAL)
    assert portal is not None
    return portal


def lease(rows: Rows, portal: Portal, owner: str = "me") -> bool:
    return rows.write(portals.lease_refresh, portal, owner=owner, lease=30.0)


def test_a_new_portal_runs_and_has_no_access_token_yet(rows: Rows) -> None:
    assert get(rows) == Portal(PORTAL, "Test", "sealed-refresh", None, 0.0, 0, RunState.RUNNING, "")
    rows.write(portals.add, 1, name="Other", refresh_token="r")
    assert [one.id for one in rows.read(portals.every)] == [1, PORTAL]
    assert rows.read(portals.get, 2) is None


def test_a_portal_that_is_installed_anew_runs_with_its_new_token_and_keeps_its_accounts(rows: Rows) -> None:
    rows.write(portals.store_tokens, get(rows), TOKENS)
    rows.write(portals.pause, PORTAL, hint="Uninstalled.")
    rows.write(portals.add, PORTAL, name="", refresh_token="anew")
    portal = get(rows)
    assert portal == Portal(PORTAL, "Test", "anew", None, 0.0, 2, RunState.RUNNING, "")
    rows.write(portals.add, PORTAL, name="Renamed", refresh_token="anew")
    assert get(rows).name == "Renamed"
    assert rows.row(t.accounts, rows.account).portal_id == PORTAL


# Refreshing ---------------------------------------------------------------------------------------------------------


def test_one_of_many_threads_refreshes(rows: Rows) -> None:
    for _ in range(10):
        portal = get(rows)
        leased = at_once(partial(lease, rows, portal), ["a", "b", "c", "d"])
        assert leased.count(True) == 1
        assert rows.write(portals.store_tokens, portal, TOKENS)


def test_who_read_the_portal_before_the_refresh_does_not_refresh_again(rows: Rows) -> None:
    seen = get(rows)
    assert lease(rows, seen)
    rows.write(portals.store_tokens, seen, TOKENS)
    assert not lease(rows, seen, "late")
    assert lease(rows, get(rows), "next")


def test_a_refresh_whose_worker_died_is_taken_over(rows: Rows) -> None:
    portal = get(rows)
    assert lease(rows, portal, "dead")
    assert not lease(rows, portal, "other")
    rows.set(t.portals, PORTAL, refresh_lease=rows.now() - 0.01)
    assert lease(rows, portal, "other")


def test_a_failed_refresh_lets_others_try_and_nobody_elses_go(rows: Rows) -> None:
    portal = get(rows)
    assert lease(rows, portal, "me")
    rows.write(portals.drop_refresh_lease, PORTAL, owner="other")
    assert not lease(rows, portal, "other")
    rows.write(portals.drop_refresh_lease, PORTAL, owner="me")
    assert lease(rows, portal, "other")


def test_refreshed_tokens_are_the_next_version(rows: Rows) -> None:
    before = get(rows)
    lease(rows, before)
    assert rows.write(portals.store_tokens, before, TOKENS)
    after = get(rows)
    assert (after.access_token, after.refresh_token, after.token_version) == ("access", "next refresh", 1)
    assert 1700 < after.expires_in <= 1800
    row = rows.row(t.portals, PORTAL)
    assert (row.refresh_owner, row.refresh_lease) == (None, None)
    assert not rows.write(portals.store_tokens, before, SealedTokens("late", "late", 1.0))
    assert get(rows).access_token == "access"


def test_an_installation_during_a_refresh_wins_and_waits_for_nobody(rows: Rows) -> None:
    seen = get(rows)
    assert lease(rows, seen, "slow")
    rows.write(portals.add, PORTAL, name="", refresh_token="anew")
    assert lease(rows, get(rows), "fresh")
    assert not rows.write(portals.store_tokens, seen, TOKENS)
    assert get(rows).refresh_token == "anew"
    assert rows.row(t.portals, PORTAL).refresh_owner == "fresh"


def test_an_old_access_token_has_less_than_no_time_left(rows: Rows) -> None:
    rows.write(portals.store_tokens, get(rows), SealedTokens("access", "refresh", -5.0))
    assert get(rows).expires_in <= -5


# Pausing ------------------------------------------------------------------------------------------------------------


def test_a_portal_pauses_once_and_runs_again(rows: Rows) -> None:
    assert rows.write(portals.pause, PORTAL, hint="Unin\x00stalled.")
    assert not rows.write(portals.pause, PORTAL, hint="Again.")
    assert (get(rows).state, get(rows).hint) == (RunState.PAUSED, "Uninstalled.")
    assert rows.write(portals.resume, PORTAL)
    assert (get(rows).state, get(rows).hint) == (RunState.RUNNING, "")
    assert not rows.write(portals.resume, PORTAL + 1)
    assert not rows.write(portals.pause, PORTAL + 1, hint="")


def test_a_late_refusal_of_an_old_token_does_not_stop_a_new_one(rows: Rows) -> None:
    rows.write(portals.add, PORTAL, name="", refresh_token="anew")
    assert not rows.write(portals.pause, PORTAL, hint="Refused.", version=0)
    assert get(rows).state is RunState.RUNNING
    assert rows.write(portals.pause, PORTAL, hint="Refused.", version=1)
    assert get(rows).state is RunState.PAUSED
