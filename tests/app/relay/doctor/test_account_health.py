from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import delete, update

from app.domain.account import RunState
from app.hubspot.answers import ChannelAccount
from app.relay.doctor.account_health import accounts, compare
from app.relay.findings import Finding, Level
from app.storage.connections import staged_id
from app.storage.tables import accounts as table
from tests.app.relay.world import RelayWorld

HUBSPOT_ID = "2001"


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def there(**changes: object) -> dict[str, ChannelAccount]:
    values = {"id": HUBSPOT_ID, "name": "Loopback", "active": True, "authorized": True, **changes}
    return {str(values["id"]): ChannelAccount.model_validate(values)}


def found(relay: RelayWorld, theirs: dict[str, ChannelAccount]) -> list[Finding]:
    return list(compare(4700001, [relay.account_now()], theirs))


def test_an_account_that_is_there_and_switched_on(relay: RelayWorld) -> None:
    [one] = found(relay, there())
    assert (one.check, one.level) == ("portal 4700001 accounts", Level.OK)


@pytest.mark.parametrize(
    ("theirs", "words", "fix"),
    [
        ({}, "no more", "Connect it anew"),
        (there(archived=True), "no more", "Connect it anew"),
        (there(active=False), "switched off", "only a user can"),
        (there(authorized=False), "not authorised", "relay accounts test 1"),
    ],
)
def test_what_hubspot_says_against_it(
    relay: RelayWorld, theirs: dict[str, ChannelAccount], words: str, fix: str
) -> None:
    [one] = found(relay, theirs)
    assert (one.check, one.level) == ("account 1 at HubSpot", Level.FAIL)
    assert words in one.sentence
    assert fix in one.fix


def test_one_that_hubspot_has_not_confirmed(relay: RelayWorld) -> None:
    waiting = replace(relay.account_now(), hubspot_id=staged_id("token of the window"))
    [one] = compare(4700001, [waiting], {})
    assert (one.level, "not confirmed" in one.sentence) == (Level.WARN, True)


def test_accounts_that_are_connected_to_nothing_here(relay: RelayWorld) -> None:
    last = found(relay, there() | there(id="2002", name="Telegram"))[-1]
    assert (last.level, "2002 (Telegram)" in last.sentence) == (Level.WARN, True)


def test_what_stops_an_account_here(relay: RelayWorld) -> None:
    [well] = accounts(relay.services)
    assert well.level is Level.OK
    relay.execute(update(table).values(service_state=RunState.PAUSED.value, service_hint="The bot is gone."))
    [paused] = accounts(relay.services)
    assert (paused.level, "The bot is gone." in paused.sentence) == (Level.FAIL, True)
    relay.execute(update(table).values(state=RunState.PURGED.value))
    [purged] = accounts(relay.services)
    assert purged.level is Level.WARN
    relay.execute(delete(table))
    [none] = accounts(relay.services)
    assert (none.level, "relay accounts add" in none.fix) == (Level.WARN, True)
