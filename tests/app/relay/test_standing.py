"""Moves to another inbox or to the help desk, in every form and order in which HubSpot may tell of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from app.domain.account import RunState
from app.relay import accounts, schedule
from app.simulator import seed
from app.simulator.hubspot import webhooks
from app.simulator.hubspot.state import Account
from app.simulator.hubspot.webhooks import AccountEvent
from app.storage.tables import accounts as account_table
from tests.app.relay.world import RelayWorld

NEW_ID = "2009"


def fire(relay: RelayWorld, account: Account, event: AccountEvent) -> None:
    with relay.world.lock:
        webhooks.fire_account(relay.world, account, event)
    relay.wait_for_webhooks()


def remake(relay: RelayWorld, account_id: str = seed.LOOPBACK_ACCOUNT_ID, new_id: str = NEW_ID) -> list[Account]:
    """HubSpot puts an account into the help desk by making it anew. Returns the old and the new one; nobody is told."""
    with relay.world.lock:
        old = relay.world.hubspot.accounts[account_id]
        new = replace(old, id=new_id, inbox_id=seed.HELP_DESK_ID)
        old.archived_at, old.active = relay.world.clock.now(), False
        relay.world.hubspot.accounts[new.id] = new
    return [old, new]


def has_moved(relay: RelayWorld) -> bool:
    row = relay.account_now()
    place = (row.hubspot_id, row.inbox_id, row.inbox_type)
    return (row.state, row.hubspot_state, *place) == ("running", "running", NEW_ID, seed.HELP_DESK_ID, "HELP_DESK")


def test_a_move_that_comes_as_an_update_changes_nothing_but_the_place(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.conversation()
    with relay.world.lock:
        account = relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID]
        account.inbox_id, account.name = seed.HELP_DESK_ID, "Support"
    fire(relay, account, AccountEvent.UPDATED)
    relay.say("after")
    relay.settle()
    row = relay.account_now()
    assert (row.state, row.hubspot_state, row.name) == (RunState.RUNNING, RunState.RUNNING, "Support")
    assert (row.inbox_id, row.inbox_type) == (seed.HELP_DESK_ID, "HELP_DESK")
    assert relay.texts() == ["Hello?", "after"]


@pytest.mark.parametrize(
    ("form", "purged_first", "at_once"),
    [
        ("object", True, True),
        ("string", True, False),
        ("absent", True, False),
        ("object", False, True),
        ("string", False, False),
        ("absent", False, False),
    ],
)
def test_a_move_that_comes_as_a_removal_and_a_new_account_loses_and_doubles_nothing(
    light_relay: RelayWorld, form: str, *, purged_first: bool, at_once: bool
) -> None:
    relay = light_relay
    relay.world.switch(webhook_account_identifier_form=form)
    thread = relay.conversation()
    relay.reply(thread, "before the move")
    relay.say("queued")
    relay.wait_for_webhooks()
    old, new = remake(relay)
    events = [(old, AccountEvent.PURGED), (new, AccountEvent.CREATED)]
    for account, event in events if purged_first else reversed(events):
        fire(relay, account, event)
        if not at_once:
            relay.settle()
    relay.settle()
    assert has_moved(relay)
    relay.say("after the move")
    relay.settle()
    assert relay.texts() == ["Hello?", "before the move", "queued", "after the move"]
    moved = next(one for one in relay.threads() if one["accountId"] == NEW_ID)
    relay.reply(moved["id"], "from the help desk")
    relay.settle()
    assert relay.heard() == ["before the move", "from the help desk"]
    assert len({row.thread_id for row in relay.rows()} | {row.thread_id for row in relay.rows("outbound")}) == 1


def test_a_move_works_on_both_databases(relay: RelayWorld) -> None:
    relay.conversation()
    for account, event in zip(remake(relay), (AccountEvent.PURGED, AccountEvent.CREATED), strict=True):
        fire(relay, account, event)
    relay.say("after")
    relay.settle()
    assert has_moved(relay)
    assert relay.texts() == ["Hello?", "after"]


def test_what_an_agent_wrote_before_hubspot_told_of_the_new_account_is_sent(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    old, new = remake(relay)
    with relay.world.lock:
        relay.world.hubspot.threads[thread].account_id = new.id
    relay.reply(thread, "faster than the event")
    relay.settle()
    assert relay.heard() == []
    fire(relay, old, AccountEvent.PURGED)
    relay.settle()
    assert relay.heard() == ["faster than the event"]


def test_an_account_goes_back_and_forth(light_relay: RelayWorld) -> None:
    relay = light_relay
    for old_id, new_id in ((seed.LOOPBACK_ACCOUNT_ID, NEW_ID), (NEW_ID, "2010")):
        for account, event in zip(
            remake(relay, old_id, new_id), (AccountEvent.PURGED, AccountEvent.CREATED), strict=True
        ):
            fire(relay, account, event)
        relay.settle()
    fire(relay, relay.world.hubspot.accounts[NEW_ID], AccountEvent.PURGED)  # told once more
    relay.settle()
    assert (relay.account_now().state, relay.account_now().hubspot_id) == (RunState.RUNNING, "2010")


def test_an_operators_pause_outlives_a_move(light_relay: RelayWorld) -> None:
    relay = light_relay
    accounts.pause(relay.services, relay.account.id)
    for account, event in zip(remake(relay), (AccountEvent.PURGED, AccountEvent.CREATED), strict=True):
        fire(relay, account, event)
    relay.settle()
    assert relay.account_now().state is RunState.PAUSED


def test_another_account_with_the_identifier_takes_nothing_while_the_first_lives(light_relay: RelayWorld) -> None:
    relay = light_relay
    with relay.world.lock:
        old = relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID]
        twin = replace(old, id=NEW_ID)
        relay.world.hubspot.accounts[twin.id] = twin
    fire(relay, twin, AccountEvent.CREATED)
    relay.settle()
    assert relay.account_now().hubspot_id == seed.LOOPBACK_ACCOUNT_ID


def test_what_was_cancelled_before_the_account_came_back_stays_so(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.conversation()
    old, new = remake(relay)
    fire(relay, old, AccountEvent.PURGED)
    with relay.world.lock:
        del relay.world.hubspot.accounts[new.id]
    relay.settle()
    relay.say("while it was away")
    relay.wait_for_webhooks()
    relay.pass_time(relay.services.settings.removal_grace)
    schedule.tend(relay.services)
    with relay.world.lock:
        relay.world.hubspot.accounts[new.id] = new
    fire(relay, new, AccountEvent.CREATED)
    relay.say("days later")
    relay.settle()
    assert has_moved(relay)
    assert relay.texts() == ["Hello?", "days later"]
    assert len({row.thread_id for row in relay.rows()}) == 1


def test_an_account_of_an_older_release_that_was_removed_is_swept_too(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.say("queued")
    relay.wait_for_webhooks()
    relay.execute(update(account_table).values(state="purged"))
    schedule.tend(relay.services)
    assert [row.status for row in relay.rows()] == ["cancelled"]


def test_an_account_that_has_another_identifier_at_hubspot_moves_too(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.execute(update(account_table).values(identifier={"type": "opaque", "value": "as-the-service-says"}))
    fire(relay, relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID], AccountEvent.UPDATED)
    relay.settle()
    for account, event in zip(remake(relay), (AccountEvent.PURGED, AccountEvent.CREATED), strict=True):
        fire(relay, account, event)
        relay.settle()
    assert has_moved(relay)
