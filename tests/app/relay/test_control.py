from __future__ import annotations

from sqlalchemy import select, update

from app.domain.account import RunState
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.simulator.hubspot import webhooks
from app.storage import envelopes
from app.storage.tables import accounts
from tests.app.relay.world import RelayWorld

ACCOUNT = f"/_sim/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}"


def tell(relay: RelayWorld, kind: str, account_id: str = seed.LOOPBACK_ACCOUNT_ID) -> None:
    """Let HubSpot tell of an account without changing it."""
    with relay.world.lock:
        account = relay.world.hubspot.accounts[account_id]
        webhooks.fire_account(relay.world, account, webhooks.AccountEvent(kind))


def test_an_account_that_is_switched_off_waits_until_it_is_switched_on(relay: RelayWorld) -> None:
    relay.call("POST", f"{ACCOUNT}/active", {"active": False})
    relay.settle()
    assert relay.account_now().hubspot_state is RunState.PAUSED
    assert "switched off" in relay.account_now().hubspot_hint
    relay.say("in the meantime")
    relay.settle()
    assert relay.inbox() == []
    relay.call("POST", f"{ACCOUNT}/active", {"active": True})
    relay.settle()
    assert relay.account_now().hubspot_state is RunState.RUNNING
    assert relay.texts() == ["in the meantime"]


def test_an_account_that_is_not_authorised_says_how_to_authorise_it(light_relay: RelayWorld) -> None:
    relay = light_relay
    with relay.world.lock:
        relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].authorized = False
    tell(relay, "CHANNEL_ACCOUNT_UPDATED")
    relay.settle()
    assert "connect it again" in relay.account_now().hubspot_hint


def test_an_account_that_is_switched_off_costs_the_messages_nothing(light_relay: RelayWorld) -> None:
    """The inbox is faster than the event: HubSpot refuses first."""
    relay = light_relay
    with relay.world.lock:
        relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].active = False
    relay.say("one")
    relay.settle()
    assert relay.account_now().hubspot_state is RunState.PAUSED
    assert relay.row().attempts == 0
    relay.call("POST", f"{ACCOUNT}/active", {"active": True})
    relay.settle()
    assert relay.texts() == ["one"]


def test_what_an_operator_paused_is_not_resumed_by_hubspot(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.execute(update(accounts).values(state="paused", hint="Holiday."))
    tell(relay, "CHANNEL_ACCOUNT_UPDATED")
    relay.settle()
    assert relay.account_now().state is RunState.PAUSED


def test_an_account_that_was_removed_never_comes_back(relay: RelayWorld) -> None:
    relay.execute(update(accounts).values(hubspot_state="paused", hubspot_hint="Switched off."))
    relay.say("too late")
    relay.wait_for_webhooks()
    relay.call("POST", f"{ACCOUNT}/purge")
    relay.settle()
    account = relay.account_now()
    assert (account.state, "removed" in account.hint) == (RunState.PURGED, True)
    assert [row.status for row in relay.rows()] == ["cancelled"]
    with relay.world.lock:
        hubspots = relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID]
        hubspots.archived_at, hubspots.active = None, True
    tell(relay, "CHANNEL_ACCOUNT_UPDATED")
    relay.settle()
    assert relay.account_now().state is RunState.PURGED


def test_a_move_that_comes_as_an_update_changes_nothing_but_the_place(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.conversation()
    with relay.world.lock:
        relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].inbox_id = seed.HELP_DESK_ID
        relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].name = "Support"
    tell(relay, "CHANNEL_ACCOUNT_UPDATED")
    relay.say("after")
    relay.settle()
    account = relay.account_now()
    assert (account.state, account.hubspot_state, account.name) == (RunState.RUNNING, RunState.RUNNING, "Support")
    assert relay.texts() == ["Hello?", "after"]


def test_a_move_that_comes_as_a_removal_and_a_new_account_keeps_what_the_new_one_is_told(relay: RelayWorld) -> None:
    relay.call("POST", f"{ACCOUNT}/purge")
    new = {"id": "2009", "channel": seed.CHANNEL_ID, "portal": seed.PORTAL_ID, "inbox": seed.HELP_DESK_ID}
    relay.call("POST", "/_sim/channel-accounts", {**new, "name": "Moved"})
    tell(relay, "CHANNEL_ACCOUNT_CREATED", "2009")
    relay.settle()
    assert relay.account_now().state is RunState.PURGED
    with relay.services.database.read() as connection:
        waiting = envelopes.waiting_for(connection, f"{seed.PORTAL_ID}/{seed.CHANNEL_ID}/2009")
    assert len(waiting) == 1


def test_hubspot_out_of_order_delays_the_question_and_nothing_else(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/channel-accounts/", status=503)
    relay.call("POST", f"{ACCOUNT}/active", {"active": False})
    relay.settle()
    with relay.services.database.read() as connection:
        assert connection.execute(select(accounts.c.hubspot_state)).scalar_one() == "running"
    relay.pass_time(3)
    relay.settle()
    assert relay.account_now().hubspot_state is RunState.PAUSED
