from __future__ import annotations

import pytest
from sqlalchemy import select, update

from app.relay import schedule
from app.storage import rings
from app.storage.clock import now
from app.storage.tables import accounts, attempts, envelopes, lanes, messages, portals, receipts
from tests.app.relay.world import RelayWorld


def stored(relay: RelayWorld, *conversations: str) -> None:
    """Let customers write; the lanes count as rung lately by accept."""
    for one in conversations:
        relay.say("Hi", conversation=one)
    relay.wait_for_webhooks()


def test_a_lane_that_accept_rang_is_rung_again_only_after_five_seconds(relay: RelayWorld) -> None:
    stored(relay, "c1")
    assert not schedule.ring_due(relay.services).lanes
    relay.pass_time(5.1)
    assert len(schedule.ring_due(relay.services).lanes) == 1
    assert not schedule.ring_due(relay.services).lanes
    relay.pass_time(5.1)
    assert len(schedule.ring_due(relay.services).lanes) == 1


def test_no_more_than_the_share_is_rung_and_the_portal_is_marked_full(light_relay: RelayWorld) -> None:
    relay = light_relay
    share = 4
    object.__setattr__(relay.services.settings, "account_share", share)
    stored(relay, *(f"c{number}" for number in range(share + 2)))
    relay.pass_time(5.1)
    relay.execute(update(lanes).where(lanes.c.conversation == "c3").values(owner="w", lease=now() + 60))
    assert len(schedule.ring_due(relay.services).lanes) == share - 1
    assert not schedule.ring_due(relay.services).lanes


def test_a_full_portal_is_marked_and_released_again(light_relay: RelayWorld) -> None:
    relay = light_relay
    object.__setattr__(relay.services.settings, "portal_share", 1)
    stored(relay, "c1", "c2")
    relay.pass_time(5.1)
    assert len(schedule.ring_due(relay.services).lanes) == 1
    assert relay.account_now().portal_full
    relay.settle()
    relay.pass_time(5.1)
    relay.settle()
    stored(relay, "c3")
    relay.pass_time(5.1)
    object.__setattr__(relay.services.settings, "portal_share", 32)
    schedule.ring_due(relay.services)
    assert not relay.account_now().portal_full


@pytest.mark.parametrize(
    "change",
    [
        update(accounts).values(state="paused"),
        update(accounts).values(hubspot_state="paused"),
        update(portals).values(state="paused"),
        update(lanes).values(held_by=1),
    ],
    ids=["account", "side", "portal", "held"],
)
def test_what_is_paused_or_held_is_not_rung(light_relay: RelayWorld, change: object) -> None:
    stored(light_relay, "c1")
    light_relay.pass_time(5.1)
    light_relay.execute(change)  # type: ignore[arg-type]
    assert not schedule.ring_due(light_relay.services).lanes


def test_a_lane_whose_worker_fell_silent_is_rung(light_relay: RelayWorld) -> None:
    relay = light_relay
    stored(relay, "c1")
    relay.execute(update(lanes).values(owner="dead", lease=now() + 60, rung_until=None))
    assert not schedule.ring_due(relay.services).lanes
    relay.pass_time(61)
    assert len(schedule.ring_due(relay.services).lanes) == 1


def test_it_looks_often_only_while_a_slot_is_waited_for(relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_REST", 0.0)
    assert schedule.look(relay.services) == pytest.approx(1.0)
    stored(relay, "c1")
    relay.execute(update(lanes).values(slot=now() + 0.9, due=now() + 0.9))
    assert 0.05 <= schedule.look(relay.services) <= 0.9
    relay.execute(update(lanes).values(slot=now() + 0.001))
    assert schedule.look(relay.services) == pytest.approx(0.05)


def test_the_slot_of_a_lane_that_was_paused_does_not_keep_it_busy(light_relay: RelayWorld) -> None:
    relay = light_relay
    stored(relay, "c1")
    relay.execute(update(accounts).values(state="paused"))
    relay.execute(update(lanes).values(slot=now() - 10))
    assert schedule.look(relay.services) == pytest.approx(1.0)


def test_receipts_whose_two_sides_missed_each_other_are_matched(relay: RelayWorld) -> None:
    thread = relay.conversation()
    answer = relay.reply(thread, "Hello Dana")
    relay.settle()
    relay.call("POST", "/_sim/loopback/read", {"account": "demo", "conversation": "c1"})
    relay.wait_for_webhooks()
    relay.execute(update(receipts).values(message_id=None))
    relay.execute(update(messages).where(messages.c.direction == "outbound").values(status="sent"))
    assert schedule.match_orphans(relay.services) == 1
    relay.settle()
    assert relay.status_of(answer)[0] == "READ"


def test_what_is_old_and_finished_is_forgotten(relay: RelayWorld) -> None:
    relay.conversation()
    relay.execute(update(accounts).values(hubspot_state="paused"))
    relay.say("still waits")
    relay.wait_for_webhooks()
    relay.pass_time(86_400 * (relay.services.settings.retention_days + 1))
    schedule.clean_up(relay.services)
    with relay.services.database.read() as connection:
        assert [row.status for row in relay.rows()] == ["pending"]
        assert connection.execute(select(attempts)).all() == []
        assert len(connection.execute(select(envelopes)).all()) == 1


def test_the_backlog_is_measured(light_relay: RelayWorld) -> None:
    stored(light_relay, "c1", "c2")
    light_relay.pass_time(30)
    with light_relay.services.database.read() as connection:
        count, oldest = rings.backlog(connection)
    assert (count, oldest >= 30) == (2, True)
    schedule.measure(light_relay.services)
