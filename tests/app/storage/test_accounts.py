from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from app.domain.account import DeadLetterPolicy, RunState
from app.domain.person import Identifier, IdentifierType
from app.storage import accounts, portals, rings
from app.storage import tables as t
from app.storage.accounts import AccountRow, Side
from tests.app.storage.rows import NEW_ACCOUNT, PORTAL, Rows, at_once


def get(rows: Rows, account: int = 0) -> AccountRow:
    found = rows.read(accounts.get, account or rows.account)
    assert found is not None
    return found


def states(rows: Rows) -> tuple[RunState, RunState, RunState]:
    row = get(rows)
    return row.state, row.service_state, row.hubspot_state


def test_an_account_is_kept_as_it_was_added_and_runs(rows: Rows) -> None:
    row = get(rows)
    assert (row.connector, row.portal_id, row.channel_id, row.name) == ("loopback", PORTAL, "7", "Shop")
    assert (row.credentials, row.credentials_version, row.identifier) == ("sealed", 1, NEW_ACCOUNT.identifier)
    assert row.dead_letters is DeadLetterPolicy.SKIP
    assert states(rows) == (RunState.RUNNING,) * 3
    assert (row.portal_state, row.portal_full) == (RunState.RUNNING, False)
    assert (row.hint, row.service_hint, row.hubspot_hint) == ("", "", "")


def test_every_account_has_a_key_that_nobody_guesses(rows: Rows) -> None:
    keys = {get(rows, rows.new_account()).key for _ in range(20)}
    assert len(keys) == 20
    assert min(len(key) for key in keys) >= 32


def test_an_account_is_found_by_its_names_only(rows: Rows) -> None:
    row = get(rows)
    assert rows.read(accounts.by_key, "loopback", row.key) == row
    assert rows.read(accounts.by_key, "telegram", row.key) is None
    assert rows.read(accounts.by_key, "loopback", row.key[:-1]) is None
    assert rows.read(accounts.by_hubspot, PORTAL, "7", row.hubspot_id) == row
    for wrong in ((PORTAL + 1, "7", row.hubspot_id), (PORTAL, "8", row.hubspot_id), (PORTAL, "7", "no")):
        assert rows.read(accounts.by_hubspot, *wrong) is None
    assert rows.read(accounts.get, row.id + 1000) is None
    second = rows.new_account()
    assert [one.id for one in rows.read(accounts.every)] == [row.id, second]


def test_hubspots_ids_are_taken_once_and_need_their_portal(rows: Rows) -> None:
    with pytest.raises(IntegrityError):
        rows.new_account(hubspot_id=get(rows).hubspot_id)
    with pytest.raises(IntegrityError):
        rows.new_account(portal_id=PORTAL + 1)
    assert len(rows.read(accounts.every)) == 1


def test_an_account_learns_its_name_and_who_it_is(rows: Rows) -> None:
    other = rows.new_account()
    phone = Identifier(type=IdentifierType.PHONE, value="+4930123")
    rows.write(accounts.identify, rows.account, phone)
    rows.write(accounts.rename, rows.account, "Läden")
    assert (get(rows).identifier, get(rows).name) == (phone, "Läden")
    assert (get(rows, other).identifier, get(rows, other).name) == (NEW_ACCOUNT.identifier, "Shop")


# Pausing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", list(Side))
def test_a_side_pauses_and_resumes_alone(rows: Rows, side: Side) -> None:
    assert rows.write(accounts.pause_side, rows.account, side, hint="Ref\x00used.")
    assert not rows.write(accounts.pause_side, rows.account, side, hint="Again.")
    row = get(rows)
    assert (row.service_state is RunState.PAUSED, row.hubspot_state is RunState.PAUSED) == (
        side is Side.SERVICE,
        side is Side.HUBSPOT,
    )
    assert {row.service_hint, row.hubspot_hint} == {"", "Refused."}
    assert rows.write(accounts.resume_side, rows.account, side)
    assert not rows.write(accounts.resume_side, rows.account, side)
    row = get(rows)
    assert states(rows) == (RunState.RUNNING,) * 3
    assert (row.service_hint, row.hubspot_hint) == ("", "")


def test_a_late_refusal_of_old_credentials_does_not_stop_new_ones(rows: Rows) -> None:
    rows.write(accounts.change_credentials, rows.account, "new")
    assert not rows.write(accounts.pause_side, rows.account, Side.SERVICE, hint="Refused.", version=1)
    assert states(rows)[1] is RunState.RUNNING
    assert rows.write(accounts.pause_side, rows.account, Side.SERVICE, hint="Refused.", version=2)
    assert states(rows)[1] is RunState.PAUSED


def test_new_credentials_let_the_service_run_and_leave_hubspots_side(rows: Rows) -> None:
    for side in Side:
        rows.write(accounts.pause_side, rows.account, side, hint="Refused.")
    rows.write(accounts.change_credentials, rows.account, "new")
    row = get(rows)
    assert (row.credentials, row.credentials_version, row.service_hint) == ("new", 2, "")
    assert states(rows) == (RunState.RUNNING, RunState.RUNNING, RunState.PAUSED)


def test_an_operators_pause_is_apart_from_both_sides(rows: Rows) -> None:
    assert rows.write(accounts.set_state, rows.account, RunState.PAUSED, hint="Holidays.")
    assert (states(rows), get(rows).hint) == ((RunState.PAUSED, RunState.RUNNING, RunState.RUNNING), "Holidays.")
    rows.write(accounts.resume_side, rows.account, Side.SERVICE)
    assert states(rows)[0] is RunState.PAUSED
    assert rows.write(accounts.set_state, rows.account, RunState.RUNNING)
    assert (states(rows)[0], get(rows).hint) == (RunState.RUNNING, "")


def test_a_purged_account_never_comes_back(rows: Rows) -> None:
    assert rows.write(accounts.set_state, rows.account, RunState.PURGED, hint="Removed.")
    for state in RunState:
        assert not rows.write(accounts.set_state, rows.account, state)
    assert (states(rows)[0], get(rows).hint) == (RunState.PURGED, "Removed.")


def test_of_many_who_pause_at_once_one_tells_the_operator(rows: Rows) -> None:
    paused = at_once(lambda _: rows.write(accounts.pause_side, rows.account, Side.SERVICE, hint="x"), range(6))
    assert paused.count(True) == 1


def test_an_account_shows_how_its_portal_stands(rows: Rows) -> None:
    rows.write(portals.pause, PORTAL, hint="Uninstalled.")
    rows.write(rings.set_full, {PORTAL})
    assert (get(rows).portal_state, get(rows).portal_full) == (RunState.PAUSED, True)


def test_accounts_that_stand_still_are_counted_once_each(rows: Rows) -> None:
    service, hubspot, own, _running = (rows.new_account() for _ in range(4))
    rows.write(accounts.set_state, rows.account, RunState.PURGED)
    assert rows.read(accounts.paused_count) == 0
    rows.write(accounts.pause_side, service, Side.SERVICE, hint="x")
    rows.write(accounts.pause_side, hubspot, Side.HUBSPOT, hint="x")
    rows.write(accounts.set_state, own, RunState.PAUSED)
    rows.write(accounts.pause_side, own, Side.HUBSPOT, hint="x")
    assert rows.read(accounts.paused_count) == 3
    rows.write(portals.pause, PORTAL, hint="x")
    assert rows.read(accounts.paused_count) == 5


def test_the_policy_for_dead_letters_is_read(rows: Rows) -> None:
    rows.set(t.accounts, rows.account, dead_letters="hold")
    assert get(rows).dead_letters is DeadLetterPolicy.HOLD


def test_options_are_switched_one_by_one_and_what_a_newer_release_stored_is_kept(rows: Rows) -> None:
    rows.write(accounts.set_options, rows.account, {"edits": False})
    rows.write(accounts.set_options, rows.account, {"typing": True, "horoscopes": True})
    options = get(rows).options
    assert (options.edits, options.typing, options.reactions) == (False, True, True)
    assert options.model_dump()["horoscopes"] is True
    assert "horoscopes" not in options.switches
