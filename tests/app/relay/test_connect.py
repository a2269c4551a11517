from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.domain.account import RunState
from app.hubspot.popup import Popup, read_popup
from app.hubspot.portal import PortalClient
from app.relay import accounts, connect, schedule
from app.relay.connect import Draft
from app.relay.not_connected import NotConnected, Problem
from app.relay.pace import Slot
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.simulator.hubspot import webhooks
from app.storage import accounts as rows
from app.storage import connections, portals
from app.storage.accounts import AccountRow
from tests.app.relay.world import RelayWorld, outgoing

BOT = "123456789:" + "A" * 35


class Killed(BaseException):
    """The process dies here."""


def window(relay: RelayWorld) -> Popup:
    """An administrator presses Connect at HubSpot."""
    url = relay.call("POST", "/_sim/connect", {})["url"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return read_popup(query, relay.services.settings.model_copy(update={"hubspot_app_url": relay.page}))


def draft(relay: RelayWorld, **more: str) -> Draft:
    relay.call("POST", "/_sim/telegram/bots", {"token": BOT, "username": "shop_bot", "name": "Shop"})
    return Draft("telegram", more.get("name", ""), {"token": BOT}, key="the-key")


def back(relay: RelayWorld, popup: Popup) -> Any:
    """The browser is back at HubSpot, which makes the account and tells."""
    made = relay.call("GET", popup.redirect_url.removeprefix(relay.page))
    relay.wait_for_webhooks()
    return made


def connected(relay: RelayWorld) -> list[AccountRow]:
    with relay.services.database.read() as connection:
        return [row for row in rows.every(connection) if row.connector == "telegram"]


def problem(relay: RelayWorld, popup: Popup, given: Draft) -> Problem:
    with pytest.raises(NotConnected) as caught:
        connect.connect(relay.services, popup, given)
    return caught.value.problem


def test_the_account_waits_until_hubspot_names_it(relay: RelayWorld) -> None:
    popup = window(relay)
    done = connect.connect(relay.services, popup, draft(relay))
    assert done.back
    (row,) = connected(relay)
    assert connections.is_staged(row)
    assert popup.account_token not in row.hubspot_id
    assert (row.hubspot_state, row.hubspot_hint) == (RunState.PAUSED, connections.WAITS)
    made = back(relay, popup)
    (row,) = connected(relay)
    assert (row.id, row.hubspot_id, row.hubspot_state) == (done.account_id, made["id"], RunState.RUNNING)
    relay.settle()
    assert connected(relay)[0].hubspot_state is RunState.RUNNING


@pytest.mark.parametrize("form", ["object", "string", "absent"])
def test_the_event_names_the_account_in_every_form(light_relay: RelayWorld, form: str) -> None:
    relay = light_relay
    relay.world.switch(webhook_account_identifier_form=form)
    popup = window(relay)
    connect.connect(relay.services, popup, draft(relay))
    made = back(relay, popup)
    assert connected(relay)[0].hubspot_id == made["id"]


def test_what_customers_write_meanwhile_waits(light_relay: RelayWorld) -> None:
    relay, popup = light_relay, window(light_relay)
    connect.connect(relay.services, popup, draft(relay))
    person = {"id": 77, "first_name": "Dana"}
    relay.call("POST", "/_sim/telegram/chats", {"bot": BOT, "chat_id": 77, "type": "private", "user": person})
    relay.call("POST", "/_sim/telegram/say", {"bot": BOT, "chat_id": 77, "text": "Early"})
    relay.settle()
    assert relay.texts() == []
    back(relay, popup)
    relay.settle()
    assert relay.texts() == ["Early"]


def test_an_event_that_is_faster_than_we(relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    popup, stage = window(relay), PortalClient.stage

    def staged(self: PortalClient, *given: Any, **named: Any) -> str:
        answer = stage(self, *given, **named)
        back(relay, popup)
        return answer

    monkeypatch.setattr(PortalClient, "stage", staged)
    monkeypatch.setattr("app.relay.staging._find_quietly", lambda *_: "")
    connect.connect(relay.services, popup, draft(relay))
    (row,) = connected(relay)
    assert row.hubspot_id.isdecimal()
    assert row.hubspot_state is RunState.RUNNING


def test_an_answer_that_holds_the_account(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    relay = light_relay
    monkeypatch.setattr(PortalClient, "stage", lambda *_, **__: "98765")
    assert connect.connect(relay.services, window(relay), draft(relay)).back
    assert connected(relay)[0].hubspot_id == "98765"


def test_an_agents_message_that_was_faster_than_the_event(light_relay: RelayWorld) -> None:
    relay, popup = light_relay, window(light_relay)
    connect.connect(relay.services, popup, draft(relay))
    relay.world.hubspot.channels[seed.CHANNEL_ID].webhook_url = None
    made = back(relay, popup)
    assert relay.from_hubspot(outgoing(channelAccountId=made["id"])) == 204
    assert relay.rows("outbound") == []
    event = {
        "type": "CHANNEL_ACCOUNT_CREATED",
        "portalId": int(seed.PORTAL_ID),
        "channelId": seed.CHANNEL_ID,
        "channelAccountId": made["id"],
        "eventTimestamp": "2026-09-14T08:15:30.120Z",
        "channelAccountDeliveryIdentifier": made["deliveryIdentifier"],
    }
    assert relay.from_hubspot(event) == 204
    assert [row.account_id for row in relay.rows("outbound")] == [connected(relay)[0].id]


def test_an_event_that_was_lost_is_made_up_for(light_relay: RelayWorld) -> None:
    relay, popup = light_relay, window(light_relay)
    connect.connect(relay.services, popup, draft(relay))
    relay.world.hubspot.channels[seed.CHANNEL_ID].webhook_url = None
    made = back(relay, popup)
    assert connections.is_staged(connected(relay)[0])
    assert connect.confirm(relay.services) == 1
    relay.settle()
    (row,) = connected(relay)
    assert (row.hubspot_id, row.hubspot_state, row.inbox_type) == (made["id"], RunState.RUNNING, "INBOX")
    assert connect.confirm(relay.services) == 0


def test_a_window_that_was_closed_confirms_nothing(light_relay: RelayWorld) -> None:
    relay = light_relay
    connect.connect(relay.services, window(relay), draft(relay))
    assert connect.confirm(relay.services) == 1
    relay.settle()
    assert connections.is_staged(connected(relay)[0])


def test_dying_between_hubspots_answer_and_ours_is_healed(relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    popup, given = window(relay), draft(relay)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(connect, "_store", die)
        with pytest.raises(Killed):
            connect.connect(relay.services, popup, given)
    assert connected(relay) == []
    assert connect.connect(relay.services, popup, given).back
    back(relay, popup)
    assert len(connected(relay)) == 1


def test_an_account_that_only_hubspot_has_is_taken_over(relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    popup, given = window(relay), draft(relay)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(connect, "_store", die)
        with pytest.raises(Killed):
            connect.connect(relay.services, popup, given)
    made = back(relay, popup)  # nobody would send the browser there; HubSpot may finish by itself
    done = connect.connect(relay.services, popup, given)
    assert not done.back
    assert [row.hubspot_id for row in connected(relay)] == [made["id"]]
    connect.connect(relay.services, window(relay), given)
    assert len(connected(relay)) == 1


def test_dying_before_the_service_knows_our_address_is_healed(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay, popup, given = light_relay, window(light_relay), draft(light_relay)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(connect, "_register", die)
        with pytest.raises(Killed):
            connect.connect(relay.services, popup, given)
    connect.connect(relay.services, popup, given)
    assert len(connected(relay)) == 1


def test_a_closed_window_leaves_nothing_in_the_way(relay: RelayWorld) -> None:
    first = connect.connect(relay.services, window(relay), draft(relay))
    popup = window(relay)
    again = connect.connect(relay.services, popup, Draft("telegram", "Renamed", {"token": BOT}, key="another-key"))
    assert again.account_id == first.account_id
    back(relay, popup)
    (row,) = connected(relay)
    assert (row.name, row.key) == ("Renamed", "another-key")


def test_a_closed_window_of_another_portal_leaves_nothing_in_the_way(light_relay: RelayWorld) -> None:
    relay = light_relay
    connect.connect(relay.services, window(relay), draft(relay))
    with relay.services.database.write() as connection:
        portals.add(connection, 5, name="Other", refresh_token="x")
        connection.exec_driver_sql("UPDATE accounts SET portal_id = 5 WHERE connector = 'telegram'")
    popup = window(relay)
    connect.connect(relay.services, popup, Draft("telegram", "", {"token": BOT}, key="another-key"))
    back(relay, popup)
    states = {row.portal_id: row.state for row in connected(relay)}
    assert states == {5: RunState.PURGED, int(seed.PORTAL_ID): RunState.RUNNING}


def test_a_second_account_of_the_same_bot(light_relay: RelayWorld) -> None:
    relay, popup = light_relay, window(light_relay)
    connect.connect(relay.services, popup, draft(relay))
    back(relay, popup)
    other = Draft("telegram", "", {"token": BOT})
    assert problem(relay, window(relay), other) is Problem.CONNECTED_HERE
    with relay.services.database.write() as connection:
        portals.add(connection, 5, name="Other", refresh_token="x")
        connection.exec_driver_sql("UPDATE accounts SET portal_id = 5 WHERE connector = 'telegram'")
    assert problem(relay, window(relay), other) is Problem.CONNECTED_ELSEWHERE


def test_a_removed_account_is_connected_anew_as_what_it_was(light_relay: RelayWorld) -> None:
    relay, popup = light_relay, window(light_relay)
    connect.connect(relay.services, popup, draft(relay))
    made = back(relay, popup)
    person = {"id": 77, "first_name": "Dana"}
    relay.call("POST", "/_sim/telegram/chats", {"bot": BOT, "chat_id": 77, "type": "private", "user": person})
    write(relay, "before")
    relay.call("POST", f"/_sim/channel-accounts/{made['id']}/purge")
    relay.settle()
    relay.pass_time(7 * 86_400)
    schedule.tend(relay.services)
    popup = window(relay)
    again = connect.connect(relay.services, popup, Draft("telegram", "", {"token": BOT}))
    made = back(relay, popup)
    (row,) = connected(relay)
    assert (row.id, row.hubspot_id, row.state) == (again.account_id, made["id"], RunState.RUNNING)
    write(relay, "days later")
    assert relay.texts() == ["before", "days later"]
    assert len({row.thread_id for row in relay.rows()}) == 1


def write(relay: RelayWorld, text: str) -> None:
    """A customer writes to the bot."""
    relay.call("POST", "/_sim/telegram/say", {"bot": BOT, "chat_id": 77, "text": text})
    relay.settle()


def test_an_account_whose_removal_is_not_told_yet_can_be_connected_anew(light_relay: RelayWorld) -> None:
    relay, popup = light_relay, window(light_relay)
    first = connect.connect(relay.services, popup, draft(relay))
    made = back(relay, popup)
    relay.settle()
    with relay.world.lock:
        old = relay.world.hubspot.accounts[made["id"]]
        old.archived_at, old.active = 1.0, False
    popup = window(relay)
    again = connect.connect(relay.services, popup, Draft("telegram", "", {"token": BOT}))
    made = back(relay, popup)
    with relay.world.lock:
        webhooks.fire_account(relay.world, old, webhooks.AccountEvent.PURGED)
    relay.settle()
    (row,) = connected(relay)
    assert (row.id, again.account_id) == (first.account_id, first.account_id)
    assert (row.hubspot_id, row.state, row.hubspot_state) == (made["id"], RunState.RUNNING, RunState.RUNNING)


def test_credentials_that_the_service_refused_are_mended_by_connecting_again(light_relay: RelayWorld) -> None:
    relay, popup = light_relay, window(light_relay)
    connect.connect(relay.services, popup, draft(relay))
    back(relay, popup)
    relay.settle()
    (row,) = connected(relay)
    with relay.services.database.write() as connection:
        rows.pause_side(connection, row.id, rows.Side.SERVICE, hint="revoked")
    done = connect.connect(relay.services, window(relay), Draft("telegram", "", {"token": BOT}))
    assert (done.account_id, done.back) == (row.id, False)
    assert connected(relay)[0].service_state is RunState.RUNNING


@pytest.mark.parametrize(
    ("path", "details", "expected"),
    [
        ("getMe", {"status": 503}, Problem.SERVICE_AWAY),
        ("staging-tokens", {"status": 503}, Problem.HUBSPOT_AWAY),
        ("staging-tokens", {"status": 429}, Problem.HUBSPOT_AWAY),
        ("staging-tokens", {"status": 400, "body": '{"message": "no"}'}, Problem.HUBSPOT_REFUSED),
        ("staging-tokens", {"status": 403, "body": '{"category": "MISSING_SCOPES"}'}, Problem.SCOPES_MISSING),
        ("staging-tokens", {"status": 404, "body": '{"message": "Channel 1001 not found"}'}, Problem.CHANNEL_UNKNOWN),
        ("staging-tokens", {"status": 404, "body": '{"message": "resource not found"}'}, Problem.WINDOW_EXPIRED),
        ("staging-tokens", {"status": 409, "body": "{}"}, Problem.CONNECTED_HERE),
    ],
)
def test_what_goes_wrong_stores_nothing(
    light_relay: RelayWorld, path: str, details: dict[str, Any], expected: Problem
) -> None:
    relay = light_relay
    api = Api.TELEGRAM if path == "getMe" else Api.HUBSPOT
    relay.fault(api, FaultKind.STATUS, path=path, times=None, **details)
    assert problem(relay, window(relay), draft(relay)) is expected
    assert connected(relay) == []


def test_an_answer_that_was_lost_is_no_harm(light_relay: RelayWorld) -> None:
    relay, popup, given = light_relay, window(light_relay), draft(light_relay)
    relay.fault(Api.HUBSPOT, FaultKind.RESET_AFTER, path="staging-tokens")
    assert problem(relay, popup, given) is Problem.HUBSPOT_AWAY
    assert connect.connect(relay.services, popup, given).back


def test_a_portal_that_is_not_here_or_stands_still(light_relay: RelayWorld) -> None:
    relay, popup = light_relay, window(light_relay)
    with relay.services.database.write() as connection:
        portals.pause(connection, popup.portal_id, hint="gone")
    assert problem(relay, popup, draft(relay)) is Problem.PORTAL_PAUSED
    with pytest.raises(NotConnected) as caught:
        connect.check(relay.services, popup)
    assert (caught.value.problem, caught.value.hint) == (Problem.PORTAL_PAUSED, "gone")


def test_an_app_that_was_removed_pauses_the_portal(light_relay: RelayWorld) -> None:
    relay, popup = light_relay, window(light_relay)
    relay.world.hubspot.refresh_tokens[seed.REFRESH_TOKEN].revoked = True
    relay.world.hubspot.access_tokens.clear()
    assert problem(relay, popup, draft(relay)) is Problem.PORTAL_PAUSED
    assert relay.account_now().portal_state is RunState.PAUSED


def test_an_address_that_changed_meanwhile_is_registered_again(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay, popup, given = light_relay, window(light_relay), draft(light_relay)
    told, register = [], accounts.register

    def registered(services: Any, account_id: int) -> str:
        told.append(register(services, account_id))
        if len(told) == 1:  # the same form, sent twice, overtakes
            with services.database.write() as connection:
                rows.change_credentials(connection, account_id, connected(relay)[0].credentials)
        return told[-1]

    monkeypatch.setattr(accounts, "register", registered)
    connect.connect(relay.services, popup, given)
    assert len(told) == 2


def test_strangers_do_not_use_the_portals_budget_up(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    relay, popup = light_relay, window(light_relay)
    monkeypatch.setattr("app.relay.pace.portal", lambda *_, **__: Slot(9.0, reserved=False))
    assert problem(relay, popup, draft(relay)) is Problem.HUBSPOT_AWAY
