from __future__ import annotations

from sqlalchemy import select, update

from app.domain.account import RunState
from app.relay import schedule
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.simulator.hubspot import webhooks
from app.storage import statuses
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


def test_what_a_removed_account_has_queued_is_cancelled_after_a_while(relay: RelayWorld) -> None:
    relay.execute(update(accounts).values(hubspot_state="paused", hubspot_hint="Switched off."))
    relay.say("too late")
    relay.wait_for_webhooks()
    relay.call("POST", f"{ACCOUNT}/purge")
    relay.settle()
    schedule.tend(relay.services)
    account = relay.account_now()
    assert (account.state, "removed" in account.hint) == (RunState.PURGED, True)
    assert [row.status for row in relay.rows()] == ["pending"]
    relay.pass_time(relay.services.settings.removal_grace)
    schedule.tend(relay.services)
    assert [row.status for row in relay.rows()] == ["cancelled"]


def test_an_agent_is_told_of_a_message_that_was_cancelled(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.execute(update(accounts).values(service_state="paused"))
    answer = relay.reply(thread, "Hello Dana")
    relay.settle()
    relay.call("POST", f"{ACCOUNT}/purge")
    relay.settle()
    relay.pass_time(relay.services.settings.removal_grace)
    schedule.tend(relay.services)
    relay.settle()
    status, sentence = relay.status_of(answer)
    assert status == "FAILED"
    assert "was not sent. The account was removed in HubSpot" in sentence
    assert [row.status for row in relay.rows("outbound")] == ["cancelled"]


def test_a_verdict_that_hubspot_does_not_take_any_more_is_given_up(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.execute(update(accounts).values(service_state="paused"))
    relay.reply(thread, "Hello Dana")
    relay.settle()
    relay.call("POST", f"{ACCOUNT}/purge")
    refusal = '{"status": "error", "message": "Channel account 2001 is not active"}'
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/messages/", status=400, body=refusal, times=None)
    relay.pass_time(relay.services.settings.removal_grace)
    relay.settle()
    relay.pass_time(relay.services.settings.removal_grace)
    schedule.tend(relay.services)
    relay.settle()
    with relay.services.database.read() as connection:
        found = statuses.of_message(connection, relay.rows("outbound")[0].id)
    assert found is not None
    assert found.told == found.want
    assert relay.account_now().hubspot_state is RunState.RUNNING


def test_an_account_that_was_removed_does_not_come_back_by_an_update(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.call("POST", f"{ACCOUNT}/purge")
    relay.settle()
    tell(relay, "CHANNEL_ACCOUNT_UPDATED")
    relay.settle()
    assert relay.account_now().state is RunState.PURGED


def test_a_removal_whose_event_was_lost_is_seen_at_the_next_one(light_relay: RelayWorld) -> None:
    relay = light_relay
    with relay.world.lock:
        relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].archived_at = 1.0
    tell(relay, "CHANNEL_ACCOUNT_UPDATED")
    relay.settle()
    assert relay.account_now().state is RunState.PURGED


def test_a_removed_account_that_hubspot_still_shows_is_removed(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.world.switch(purged_account_answer="archived")
    with relay.world.lock:
        relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].archived_at = 1.0
    tell(relay, "CHANNEL_ACCOUNT_UPDATED")
    relay.settle()
    assert relay.account_now().state is RunState.PURGED


def test_pitfall_11_an_account_made_inactive_says_who_can_switch_it_on(light_relay: RelayWorld) -> None:
    relay = light_relay
    with relay.world.lock:
        relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].active = False
    tell(relay, "CHANNEL_ACCOUNT_CREATED")
    relay.settle()
    account = relay.account_now()
    assert account.hubspot_state is RunState.PAUSED
    assert "an administrator has to switch it on there" in account.hubspot_hint


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
