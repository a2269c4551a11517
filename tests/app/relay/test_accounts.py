from __future__ import annotations

from typing import Any

import pytest

from app.domain.account import RunState
from app.errors import ConfigurationError, Unauthorized
from app.relay import accounts, removal
from app.relay.accounts import Wanted
from app.relay.credentials import CredentialsIncomplete
from app.simulator import seed
from app.storage import accounts as rows
from app.storage import portals
from app.storage.accounts import Side
from tests.app.relay.deliveries import deliver, message, work
from tests.app.relay.world import LOOPBACK_SECRET, LOOPBACK_TOKEN, RelayWorld, eventually


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def wanted(**changes: Any) -> Wanted:
    known: dict[str, Any] = {
        "connector": "loopback",
        "portal_id": int(seed.PORTAL_ID),
        "channel_id": seed.CHANNEL_ID,
        "hubspot_id": "2099",
        "name": "Shop",
        "credentials": {"token": LOOPBACK_TOKEN},
    }
    return Wanted(**{**known, **changes})


@pytest.fixture(autouse=True)
def _another_account_at_hubspot(light_relay: RelayWorld) -> None:
    """HubSpot has an account that is not connected here yet."""
    new = {"id": "2099", "channel": seed.CHANNEL_ID, "portal": seed.PORTAL_ID, "inbox": seed.INBOX_ID, "name": "Shop"}
    light_relay.call("POST", "/_sim/channel-accounts", new)


def row(relay: RelayWorld, account_id: int = 1) -> rows.AccountRow:
    with relay.services.database.read() as connection:
        return accounts.known(connection, account_id)


def test_a_new_account_relays_at_once(relay: RelayWorld) -> None:
    with relay.services.database.write() as connection:
        connection.exec_driver_sql("UPDATE accounts SET hubspot_id = 'elsewhere'")
    added = accounts.add(relay.services, wanted(hubspot_id=seed.LOOPBACK_ACCOUNT_ID))
    assert added.registered
    relay.say("To the new address")
    eventually(lambda: relay.work_once() and relay.inbox())
    assert [one["text"] for one in relay.inbox()] == ["To the new address"]


def test_what_is_missing_or_wrong_stores_nothing(relay: RelayWorld) -> None:
    for wrong, error in (
        (wanted(credentials={}), CredentialsIncomplete),
        (wanted(credentials={"token": "t", "more": "x"}), CredentialsIncomplete),
        (wanted(credentials={"token": "wrong-token"}), Unauthorized),
        (wanted(portal_id=5), ConfigurationError),
        (wanted(hubspot_id=seed.LOOPBACK_ACCOUNT_ID), ConfigurationError),
        (wanted(connector="pigeon"), ConfigurationError),
        (wanted(channel_id="999"), Unauthorized),
        (wanted(hubspot_id="2098"), ConfigurationError),
    ):
        with pytest.raises(error):
            accounts.add(relay.services, wrong)
    with relay.services.database.read() as connection:
        assert len(rows.every(connection)) == 1


def test_unset_credentials_stay_when_others_change(relay: RelayWorld) -> None:
    accounts.change(relay.services, 1, {"token": "other-token"}, ask=False)
    opened = vars(relay.services.opened(row(relay)).credentials)
    assert opened["token"].get_secret_value() == "other-token"
    assert opened["secret"].get_secret_value() == LOOPBACK_SECRET
    assert row(relay).credentials_version == 2


def test_new_credentials_let_the_service_side_run_again(relay: RelayWorld) -> None:
    with relay.services.database.write() as connection:
        rows.pause_side(connection, 1, Side.SERVICE, hint="refused")
    accounts.change(relay.services, 1, {"token": LOOPBACK_TOKEN})
    assert row(relay).service_state is RunState.RUNNING


def test_a_service_that_cannot_be_asked_is_no_failure(relay: RelayWorld) -> None:
    given = {"homeserver_url": "http://127.0.0.1:9", "server_name": "example.org"}
    added = accounts.add(relay.services, wanted(connector="matrix", credentials=given), test=False)
    assert (added.registered, added.warning) == (False, "")
    assert added.registration is not None
    assert added.url in added.registration
    with pytest.raises(ConfigurationError, match="cannot be told"):
        accounts.register(relay.services, added.id)


def test_a_paused_account_keeps_what_comes_until_it_is_resumed(relay: RelayWorld) -> None:
    accounts.pause(relay.services, 1)
    deliver(relay, message("m1"))
    work(relay)
    assert relay.inbox() == []
    with relay.services.database.write() as connection:
        connection.exec_driver_sql("UPDATE lanes SET due = due + 3600")  # as after failures before the pause
    accounts.resume(relay.services, 1)
    work(relay)
    assert [one["text"] for one in relay.inbox()] == ["Hello"]


def test_a_purged_account_stays_purged(relay: RelayWorld) -> None:
    with relay.services.database.write() as connection:
        rows.set_state(connection, 1, RunState.PURGED)
    for use in (accounts.pause, accounts.resume):
        with pytest.raises(ConfigurationError, match="removed in HubSpot"):
            use(relay.services, 1)


def test_the_place_at_hubspot_is_kept(relay: RelayWorld) -> None:
    added = accounts.add(relay.services, wanted())
    assert (row(relay, added.id).inbox_id, row(relay, added.id).name) == (seed.INBOX_ID, "Shop")


def test_pitfall_11_an_account_that_is_switched_off_is_added_with_a_warning(relay: RelayWorld) -> None:
    with relay.world.lock:
        relay.world.hubspot.accounts["2099"].active = False
    added = accounts.add(relay.services, wanted())
    assert "switched off in HubSpot's inbox settings" in added.warning
    assert row(relay, added.id).hubspot_state is RunState.PAUSED


def test_the_same_bot_twice_is_refused_here_and_in_another_portal(relay: RelayWorld) -> None:
    added = accounts.add(relay.services, wanted())
    with pytest.raises(ConfigurationError, match=f"account {added.id} here already"):
        accounts.add(relay.services, wanted(hubspot_id="2002"))
    with relay.services.database.write() as connection:
        portals.add(connection, 5, name="Other", refresh_token="x")
        connection.exec_driver_sql("UPDATE accounts SET portal_id = 5 WHERE hubspot_id = '2099'")
    with pytest.raises(ConfigurationError, match="in portal 5 already"):
        accounts.add(relay.services, wanted())


def test_an_account_that_was_removed_goes_on_under_its_new_id(relay: RelayWorld) -> None:
    added = accounts.add(relay.services, wanted())
    relay.call("POST", "/_sim/channel-accounts/2099/purge")
    relay.settle()
    assert row(relay, added.id).state is RunState.PURGED
    again = accounts.add(relay.services, wanted(hubspot_id="2002"))
    assert again.id == added.id
    assert (row(relay, added.id).state, row(relay, added.id).hubspot_id) == (RunState.RUNNING, "2002")


def test_a_removal_that_nobody_told_is_seen_when_the_account_is_added_anew(relay: RelayWorld) -> None:
    added = accounts.add(relay.services, wanted())
    with relay.world.lock:
        relay.world.hubspot.accounts["2099"].archived_at = 1.0
    assert accounts.add(relay.services, wanted(hubspot_id="2002")).id == added.id


def test_an_account_that_an_operator_removed_is_added_anew_with_its_threads(relay: RelayWorld) -> None:
    added = accounts.add(relay.services, wanted())
    removal.remove(relay.services, added.id)
    assert accounts.add(relay.services, wanted()).id == added.id
    assert row(relay, added.id).state is RunState.RUNNING
