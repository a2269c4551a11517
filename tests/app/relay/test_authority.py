"""HubSpot holds an account for authorised as long as its service takes the credentials; it is told once each way."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.account import RunState
from app.relay import accounts, schedule
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.storage.accounts import Side, pause_side, resume_side
from tests.app.relay.world import LOOPBACK_TOKEN, RelayWorld

PATH = f"/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}"


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def at_hubspot(relay: RelayWorld) -> Any:
    return relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID]


def patches(relay: RelayWorld) -> int:
    calls = relay.call("GET", "/_sim/calls")
    return sum(one["method"] == "PATCH" and one["path"].endswith(PATH) for one in calls)


def refuse(relay: RelayWorld) -> None:
    """The service does not take the credentials any more."""
    with relay.services.database.write() as connection:
        pause_side(connection, relay.account.id, Side.SERVICE, hint="The bot's token was revoked.")


def tend(relay: RelayWorld) -> None:
    for _ in range(3):
        schedule.tend(relay.services)
        relay.settle()


def test_a_service_that_revokes_is_told_once(relay: RelayWorld) -> None:
    refuse(relay)
    tend(relay)
    assert (at_hubspot(relay).authorized, patches(relay)) == (False, 1)
    account = relay.account_now()
    assert (account.service_state, account.hubspot_state) == (RunState.PAUSED, RunState.RUNNING)


def test_a_revoked_token_is_noticed_on_the_road(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path="/v1/messages", status=401)
    answer = relay.reply(thread, "Hello Dana")
    relay.settle()
    tend(relay)
    assert not at_hubspot(relay).authorized
    relay.pass_time(relay.services.settings.deadline)
    relay.settle()
    assert relay.status_of(answer)[0] == "FAILED"


@pytest.mark.parametrize("how", ["change", "resume", "probe"])
def test_mended_credentials_authorise_it_again(relay: RelayWorld, how: str) -> None:
    refuse(relay)
    tend(relay)
    if how == "change":
        accounts.change(relay.services, relay.account.id, {"token": LOOPBACK_TOKEN})
    elif how == "resume":
        accounts.resume(relay.services, relay.account.id)
    else:
        with relay.services.database.write() as connection:
            resume_side(connection, relay.account.id, Side.SERVICE)
    tend(relay)
    assert (at_hubspot(relay).authorized, patches(relay)) == (True, 2)
    assert relay.account_now().hubspot_state is RunState.RUNNING


def test_what_hubspot_refused_meanwhile_arrives_when_it_is_mended(relay: RelayWorld) -> None:
    refuse(relay)
    tend(relay)
    relay.say("in the meantime")
    relay.settle()
    assert relay.account_now().hubspot_state is RunState.PAUSED
    accounts.change(relay.services, relay.account.id, {"token": LOOPBACK_TOKEN})
    tend(relay)
    assert relay.texts() == ["in the meantime"]


def test_an_operator_authorises_what_somebody_else_did_not(relay: RelayWorld) -> None:
    at_hubspot(relay).authorized = False
    relay.say("Hello?")
    relay.settle()
    tend(relay)
    assert (relay.account_now().hubspot_state, patches(relay)) == (RunState.PAUSED, 0)
    accounts.resume(relay.services, relay.account.id)
    tend(relay)
    assert (at_hubspot(relay).authorized, relay.texts()) == (True, ["Hello?"])


def test_hubspot_out_of_order_is_told_later(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=PATH, status=503)
    refuse(relay)
    tend(relay)
    assert at_hubspot(relay).authorized
    relay.pass_time(3)
    relay.settle()
    assert not at_hubspot(relay).authorized


def test_a_paused_or_removed_account_is_nobodys_business(relay: RelayWorld) -> None:
    accounts.pause(relay.services, relay.account.id)
    tend(relay)
    relay.call("POST", f"/_sim{PATH}/purge")
    relay.settle()
    refuse(relay)
    tend(relay)
    assert patches(relay) == 0
