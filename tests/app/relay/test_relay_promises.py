"""The promises, against what is rare: two workers in one lane, a database that goes away, floods, long waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError

from app.connectors.loopback import LoopbackConnector
from app.domain.account import RunState
from app.domain.capability import Capabilities, RateLimit, RateScope, UnknownOutcome
from app.limiter import Horizon, Slot
from app.relay import drain as draining
from app.relay import inbound, outbound, pace, replay, schedule, statuses
from app.relay.road import Road
from app.relay.stored import until_stored
from app.simulator.faults import Api, FaultKind
from app.storage import lanes as lane_rows
from app.storage import rings
from app.storage.clock import now
from app.storage.tables import accounts, lanes, messages, portals
from tests.app.relay.test_control import tell
from tests.app.relay.test_drain import MESSAGES, SENDING, die_in_the_call, lane_id, letters, outcomes
from tests.app.relay.world import RelayWorld


def away() -> OperationalError:
    """What every statement raises while the database restarts."""
    return OperationalError("SELECT 1", {}, Exception("the server closed the connection unexpectedly"))


def fail_once(patch: pytest.MonkeyPatch, road: Road, step: str) -> None:
    """Let the database be away once in a step of a road."""
    real, failures = getattr(road, step), [away()]

    def stumble(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*arguments)

    patch.setattr(road, step, stumble)


# Nobody waits for somebody else -------------------------------------------------------------------------------------


def test_a_full_portals_lanes_are_not_taken_for_rung(relay: RelayWorld) -> None:
    relay.execute(update(portals).values(full=True))
    relay.say("Hi")
    relay.wait_for_webhooks()
    with relay.services.database.read() as connection:
        assert connection.execute(select(lanes.c.rung_until)).scalars().all() == [None]
        assert rings.in_flight(connection) == []
    assert len(schedule.ring_due(relay.services).lanes) == 1


def test_a_flooded_account_does_not_hide_the_lanes_of_others(light_relay: RelayWorld) -> None:
    relay = light_relay
    object.__setattr__(relay.services.settings, "account_share", 2)
    copied = [column for column in accounts.c if column.name not in {"id", "key", "hubspot_id"}]
    other = select(accounts.c.key.concat("x"), accounts.c.hubspot_id.concat("9"), *copied)
    relay.execute(insert(accounts).from_select(["key", "hubspot_id", *(one.name for one in copied)], other))
    with relay.services.database.read() as connection:
        second = connection.execute(select(accounts.c.id).order_by(accounts.c.id.desc()).limit(1)).scalar_one()
    row = {"portal_id": relay.account.portal_id, "kind": "inbound", "wake": 1}
    flood = [{**row, "account_id": relay.account.id, "conversation": f"c{at}", "due": 1.0} for at in range(9)]
    relay.execute(insert(lanes).values([*flood, {**row, "account_id": second, "conversation": "late", "due": 2.0}]))
    assert len(schedule.ring_due(relay.services).lanes) == 3
    with relay.services.database.read() as connection:
        assert {one.account_id: one.lanes for one in rings.in_flight(connection)} == {relay.account.id: 2, second: 1}


def test_what_stands_behind_a_message_that_expired_goes_on_at_once(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, status=500)
    relay.reply(thread, "too late")
    relay.settle()
    far = relay.services.settings.deadline + 500
    relay.execute(update(messages).where(messages.c.direction == "outbound").values(not_before=now() + far))
    relay.execute(update(lanes).where(lanes.c.kind == "outbound").values(due=now() + far))
    relay.pass_time(relay.services.settings.deadline - 60)
    relay.reply(thread, "in time")
    relay.settle()
    assert relay.heard() == []
    relay.pass_time(61)
    relay.settle()
    assert relay.heard() == ["in time"]


def test_a_message_that_cannot_be_read_stops_no_others_deadline(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.execute(update(accounts).values(service_state="paused"))
    relay.reply(thread, "odd")
    relay.wait_for_webhooks()
    odd = relay.rows("outbound")[0].id
    answer = relay.reply(thread, "fine")
    relay.wait_for_webhooks()
    relay.execute(update(messages).where(messages.c.id == odd).values(kind="of a later release"))
    relay.pass_time(relay.services.settings.deadline + 1)
    schedule.look(relay.services)
    relay.execute(update(messages).where(messages.c.id == odd).values(kind="message"))
    assert {one.hubspot_id: one.status for one in relay.rows("outbound")}[answer] == "failed"


def test_a_refused_question_about_an_account_is_not_asked_again_at_once(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=r"/channel-accounts/", times=None, status=403)
    tell(relay, "CHANNEL_ACCOUNT_UPDATED")
    relay.settle()
    assert relay.account_now().hubspot_state is RunState.PAUSED
    relay.world.faults.clear()
    relay.pass_time(60)
    relay.settle()
    assert relay.account_now().hubspot_state is RunState.RUNNING


class Books:
    """A limiter that writes down what is asked."""

    def __init__(self, *refused: int) -> None:
        self.asked: list[tuple[str, int]] = []
        self._refused = refused

    def reserve(self, bucket: str, *, rate: int, seconds: float, horizon: Horizon) -> Slot:
        assert seconds
        assert horizon is Horizon.MESSAGES
        self.asked.append((bucket, rate))
        return Slot(granted=rate not in self._refused, wait=1.0 if rate in self._refused else 0.0)


RATES = (
    RateLimit(RateScope.ACCOUNT, count=30, seconds=1),
    RateLimit(RateScope.CONVERSATION, count=1, seconds=1),
    RateLimit(RateScope.CONVERSATION, count=20, seconds=60),
    RateLimit(RateScope.GROUP, count=5, seconds=60),  # this conversation is none
)


def test_each_limit_has_a_budget_of_its_own_and_the_tightest_is_asked_first(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    relay.say("Hi")
    relay.wait_for_webhooks()
    with relay.services.database.write() as connection:
        lane = lane_rows.claim(connection, lane_id(relay), owner="w", lease=60.0)
    assert lane is not None
    books, refusing = Books(), Books(20)
    monkeypatch.setattr(LoopbackConnector, "capabilities", Capabilities(text_length=4000, rates=RATES))
    for one in (books, refusing):
        object.__setattr__(relay.services, "limiter", one)
        pace.service(relay.services, lane, relay.account)
    object.__setattr__(relay.services, "limiter", None)
    assert [rate for _, rate in books.asked] == [20, 1, 30]
    assert len({bucket for bucket, _ in books.asked}) == 3
    assert [rate for _, rate in refusing.asked] == [20]


# In order -----------------------------------------------------------------------------------------------------------


def test_an_earlier_message_that_comes_just_before_the_call_goes_first(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    assert relay.from_loopback({"events": [event("second", 20)]}) == 200
    real = inbound.Inbound.split

    def meanwhile(*arguments: Any) -> Sequence[Any] | Any:
        if relay.count(messages) == 1:
            assert relay.from_loopback({"events": [event("first", 10)]}) == 200
        return real(*arguments)

    monkeypatch.setattr(inbound.Inbound, "split", meanwhile)  # undone, a patch of the road itself would stay with it
    relay.settle()
    assert relay.texts() == ["first", "second"]


def event(text: str, second: int) -> dict[str, Any]:
    return {
        "type": "message",
        "id": f"m-{text}",
        "conversation": "c1",
        "time": f"2026-09-14T08:15:{second}.120Z",
        "sender": {"id": "u1", "name": "Dana"},
        "text": text,
    }


# One worker a lane --------------------------------------------------------------------------------------------------


def test_who_lost_the_lane_does_not_judge_the_call_of_its_new_owner(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    hold = Capabilities(text_length=4000, unknown_outcome=UnknownOutcome.HOLD)
    monkeypatch.setattr(LoopbackConnector, "capabilities", hold)
    thread = relay.conversation()
    relay.reply(thread, "in good hands")
    relay.wait_for_webhooks()
    with relay.services.database.write() as connection:
        slow = lane_rows.claim(connection, lane_id(relay, "outbound"), owner="slow", lease=60.0)
    assert slow is not None
    relay.pass_time(61)
    die_in_the_call(relay, "outbound")
    relay.execute(update(lanes).where(lanes.c.kind == "outbound").values(lease=now() + 60))
    draining._Run(relay.services, slow).to_the_end()  # noqa: SLF001 - the stalled worker wakes up
    row = relay.rows("outbound")[0]
    assert (row.status, row.crashes, row.calling is None) == ("pending", 0, False)


# The database goes away ---------------------------------------------------------------------------------------------


def test_a_database_that_is_away_in_the_call_costs_the_message_nothing(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, status=500, times=2)
    relay.say("one")
    for _ in range(2):
        relay.settle()
        relay.pass_time(20)
    fail_once(monkeypatch, inbound.ROAD, "call")
    relay.settle()
    assert letters(relay) == []
    relay.pass_time(5)
    relay.settle()
    assert relay.texts() == ["one"]
    assert relay.row().attempts == 3


@pytest.mark.parametrize("step", ["split", "slot"])
def test_a_lane_is_given_back_when_the_database_was_away(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    relay = light_relay
    relay.say("one")
    relay.wait_for_webhooks()
    fail_once(monkeypatch, inbound.ROAD, step)
    with pytest.raises(OperationalError):
        draining.drain(relay.services, lane_id(relay))
    with relay.services.database.read() as connection:
        assert connection.execute(select(lanes.c.owner)).scalar_one() is None
    relay.pass_time(2)
    relay.settle()
    assert relay.texts() == ["one"]


def test_a_fact_that_cannot_be_stored_whole_is_stored_in_short(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    thread = relay.conversation()
    monkeypatch.setattr(outbound.Outbound, "record", lambda *_: 1 / 0)
    answer = relay.reply(thread, "once")
    relay.settle()
    relay.pass_time(61)
    relay.settle()
    assert relay.heard() == ["once"]
    assert outcomes(relay, relay.rows("outbound")[0].id) == ["ok"]
    assert relay.status_of(answer)[0] == "SENT"


# A verdict ----------------------------------------------------------------------------------------------------------


def test_a_message_that_is_replayed_while_its_failure_is_told_is_told_as_sent(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, status=400)
    answer = relay.reply(thread, "once more")
    relay.wait_for_webhooks()
    told: list[str] = []

    def replayed_first(database: Any, record: Any) -> Any:
        """HubSpot has been told of the failure; before that is written down, somebody replays the message."""
        if not told:
            told.append(relay.status_of(answer)[0])
            replay.replay(relay.services, relay.rows("outbound")[0].id)
        return until_stored(database, record)

    monkeypatch.setattr(statuses, "until_stored", replayed_first)
    relay.settle()
    assert told == ["FAILED"]
    assert relay.heard() == ["once more"]
    assert relay.status_of(answer)[0] == "SENT"
