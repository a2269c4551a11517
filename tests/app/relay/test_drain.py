from __future__ import annotations

import pytest
from sqlalchemy import select, update

from app.connectors.loopback import LoopbackConnector
from app.domain.account import Account, DeadLetterPolicy, RunState
from app.domain.capability import Capabilities, UnknownOutcome
from app.domain.part import Part, PartContent, Sent
from app.http import Http
from app.relay import schedule
from app.relay.drain import drain
from app.simulator import seed
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.storage import attempts, dead_letters, rings
from app.storage import lanes as lane_rows
from app.storage import messages as message_rows
from app.storage.attempts import Outcome, Purpose
from app.storage.dead_letters import DeadLetter
from app.storage.parts import write_parts
from app.storage.tables import accounts, lanes, messages, portals
from tests.app.relay.world import RelayWorld

MESSAGES = r"/custom-channels/.*/messages$"
SENDING = r"/v1/messages"


def letters(relay: RelayWorld) -> list[DeadLetter]:
    with relay.services.database.read() as connection:
        return dead_letters.waiting(connection)


def outcomes(relay: RelayWorld, message_id: int) -> list[str]:
    """How each call for a message ended; those that told HubSpot a status are left out."""
    with relay.services.database.read() as connection:
        made = attempts.of_message(connection, message_id)
    return [one.outcome.value for one in made if one.purpose is not Purpose.STATUS]


def portal_state(relay: RelayWorld) -> tuple[str, str]:
    with relay.services.database.read() as connection:
        row = connection.execute(select(portals.c.state, portals.c.hint)).one()
    return row.state, row.hint


def hold_behind_dead_letters(relay: RelayWorld) -> None:
    relay.execute(update(accounts).values(dead_letters=DeadLetterPolicy.HOLD.value))


def lane_id(relay: RelayWorld, kind: str = "inbound") -> int:
    with relay.services.database.read() as connection:
        return int(connection.execute(select(lanes.c.id).where(lanes.c.kind == kind)).scalar_one())


def die_in_the_call(relay: RelayWorld, direction: str) -> None:
    """Leave the head of a lane as a worker does that is killed while it calls, with its lease over."""
    database, lane = relay.services.database, lane_id(relay, direction)
    with database.write() as connection:
        owned = lane_rows.claim(connection, lane, owner="killed", lease=60.0)
        head = message_rows.head(connection, lane)
        assert owned is not None
        assert head is not None
        parts = head.parts or write_parts(connection, head.id, [PartContent(text=head.content.text)])
        purpose = Purpose.PUBLISH if direction == "inbound" else Purpose.SEND
        assert attempts.begin(connection, owned, head, parts[0], purpose=purpose, lease=60.0, room=1.0, seen=owned.wake)
    relay.execute(update(lanes).where(lanes.c.id == lane).values(lease=1.0))


# Towards HubSpot -----------------------------------------------------------------------------------------------------


def test_hubspot_out_of_order_delays_and_keeps_the_order(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, status=500)
    for text in ("one", "two", "three"):
        relay.say(text)
    relay.settle()
    assert relay.texts() == []
    relay.pass_time(3)
    relay.settle()
    assert relay.texts() == ["one", "two", "three"]
    assert outcomes(relay, relay.rows()[0].id) == ["transient", "ok"]


def test_a_rate_limit_burns_no_attempt(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, times=2, status=429, retry_after=7)
    relay.say("patience")
    relay.settle()
    waiting = relay.row()
    assert (waiting.attempts, waiting.reason) == (0, "rate_limited")
    for _ in range(2):
        relay.pass_time(6)
        relay.settle()
        assert relay.texts() == []
        relay.pass_time(2)
        relay.settle()
    assert relay.texts() == ["patience"]
    assert relay.row().attempts == 1


def test_an_answer_that_was_lost_makes_no_second_message(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.RESET_AFTER, path=MESSAGES)
    relay.say("once")
    relay.settle()
    assert relay.texts() == ["once"]
    relay.pass_time(3)
    relay.settle()
    assert relay.texts() == ["once"]
    assert outcomes(relay, relay.row().id) == ["unknown", "ok"]
    assert relay.call("GET", "/_sim/assertions")["duplicate_messages"] == []


def test_a_refused_message_leaves_a_placeholder_and_the_lane_goes_on(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, status=400)
    relay.say("refused")
    relay.say("next")
    relay.settle()
    [letter] = letters(relay)
    assert letter.direction == "inbound"
    assert "correlation" in letter.detail.lower()
    [placeholder, after] = relay.texts()
    assert str(letter.message_id) in placeholder
    assert "refused" not in placeholder
    assert after == "next"


def test_a_placeholder_that_is_refused_too_leaves_none_of_its_own(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, times=2, status=400)
    relay.say("refused")
    relay.say("next")
    relay.settle()
    assert relay.texts() == ["next"]
    assert len(letters(relay)) == 2


def test_a_lane_that_holds_waits_behind_its_dead_letter(light_relay: RelayWorld) -> None:
    relay = light_relay
    hold_behind_dead_letters(relay)
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, status=400)
    relay.say("refused")
    relay.say("next")
    relay.say("elsewhere", conversation="c2")
    relay.settle()
    assert relay.texts() == ["elsewhere"]
    with relay.services.database.write() as connection:
        lane_rows.unhold(connection, letters(relay)[0].message_id)
    relay.settle()
    assert relay.texts() == ["elsewhere", "next"]


def test_a_refused_token_is_refreshed_once(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.conversation()
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, status=401)
    relay.say("after")
    relay.settle()
    assert relay.texts() == ["Hello?", "after"]
    assert relay.call("GET", "/_sim/assertions")["refreshes"] == {seed.PORTAL_ID: 2}
    assert relay.rows()[1].attempts == 1


def test_a_token_that_stays_refused_pauses_the_portal_and_burns_nothing(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, times=None, status=401)
    for text in ("one", "two", "three"):
        relay.say(text)
    relay.settle()
    state, hint = portal_state(relay)
    assert state == "paused"
    assert hint
    assert [row.attempts for row in relay.rows()] == [0, 0, 0]
    relay.world.faults.clear()
    relay.execute(update(portals).values(state="running", hint=""))
    relay.settle()
    assert relay.texts() == ["one", "two", "three"]


@pytest.mark.parametrize(
    "body",
    [
        '{"status":"error","message":"Channel 1001 not found","category":"OBJECT_NOT_FOUND"}',
        '{"status":"error","message":"The channel account is not active"}',
    ],
    ids=["channel", "account"],
)
def test_a_channel_or_account_that_is_gone_pauses_and_burns_nothing(light_relay: RelayWorld, body: str) -> None:
    relay = light_relay
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, times=None, status=404, body=body)
    relay.say("one")
    relay.say("two")
    relay.settle()
    assert relay.account_now().hubspot_state is RunState.PAUSED
    assert relay.account_now().hubspot_hint
    assert [row.attempts for row in relay.rows()] == [0, 0]
    assert letters(relay) == []


def test_a_paused_side_costs_nothing_while_it_waits(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.execute(update(accounts).values(hubspot_state="paused", hubspot_hint="Switched off."))
    relay.say("waits")
    relay.settle()
    with relay.services.database.read() as connection:
        assert rings.due(connection, each=10) == []
    assert drain(relay.services, lane_id(relay)) == 0
    assert outcomes(relay, relay.row().id) == []


def test_a_purge_cancels_what_waits(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, status=500)
    relay.say("one")
    relay.say("two")
    relay.settle()
    relay.call("POST", f"/_sim/channel-accounts/{seed.LOOPBACK_ACCOUNT_ID}/purge")
    relay.settle()
    relay.pass_time(1_000)
    schedule.tend(relay.services)
    assert [row.status for row in relay.rows()] == ["cancelled", "cancelled"]
    assert relay.texts() == []


def test_a_worker_that_died_while_publishing_makes_no_duplicate(relay: RelayWorld) -> None:
    relay.say("once")
    relay.say("then")
    relay.wait_for_webhooks()
    die_in_the_call(relay, "inbound")
    relay.settle()
    assert relay.texts() == ["once", "then"]
    assert relay.rows()[0].crashes == 1
    assert outcomes(relay, relay.rows()[0].id) == ["unknown", "ok"]


def test_two_dead_workers_make_a_dead_letter_and_the_lane_goes_on(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.say("poison")
    relay.say("next")
    relay.wait_for_webhooks()
    die_in_the_call(relay, "inbound")
    relay.execute(update(messages).where(messages.c.id == relay.rows()[0].id).values(crashes=1))
    relay.settle()
    assert [one.reason for one in letters(relay)] == ["worker_lost_twice"]
    assert relay.texts()[-1] == "next"


def test_a_slice_hands_over_and_the_lane_stays_due(light_relay: RelayWorld) -> None:
    relay = light_relay
    for number in range(25):
        relay.say(str(number))
    relay.wait_for_webhooks()
    assert drain(relay.services, lane_id(relay)) == relay.services.settings.slice_messages
    assert len(relay.inbox()) == relay.services.settings.slice_messages
    relay.settle()
    assert len(relay.inbox()) == 25


def test_a_lane_that_somebody_owns_is_left_alone(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.say("mine")
    relay.wait_for_webhooks()
    with relay.services.database.write() as connection:
        assert lane_rows.claim(connection, lane_id(relay), owner="another", lease=60.0)
    assert drain(relay.services, lane_id(relay)) == 0
    assert relay.inbox() == []


# Towards the service -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "status"), [(FaultKind.STATUS, 500), (FaultKind.HTML, 503)])
def test_a_service_out_of_order_is_tried_again_in_order(light_relay: RelayWorld, fault: FaultKind, status: int) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, fault, path=SENDING, status=status)
    for text in ("one", "two"):
        relay.reply(thread, text)
        relay.wait_for_webhooks()
    relay.settle()
    assert relay.heard() == []
    relay.pass_time(3)
    relay.settle()
    assert relay.heard() == ["one", "two"]


def test_a_services_rate_limit_burns_no_attempt(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, status=429, retry_after=4)
    relay.reply(thread, "one")
    relay.settle()
    assert relay.rows("outbound")[0].attempts == 0
    relay.pass_time(5)
    relay.settle()
    assert relay.heard() == ["one"]


def test_a_service_that_knows_our_key_gets_one_copy(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.RESET_AFTER, path=SENDING)
    answer = relay.reply(thread, "once")
    relay.settle()
    relay.pass_time(3)
    relay.settle()
    assert relay.heard() == ["once"]
    assert relay.status_of(answer)[0] == "SENT"


def test_a_blocked_customer_is_told_to_the_agent_and_the_lane_goes_on(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, status=403)
    refused = relay.reply(thread, "one")
    relay.wait_for_webhooks()
    sent = relay.reply(thread, "two")
    relay.settle()
    assert relay.heard() == ["two"]
    status, sentence = relay.status_of(refused)
    assert (status, "block" in sentence) == ("FAILED", True)
    assert relay.status_of(sent)[0] == "SENT"
    assert [one.reason for one in letters(relay)] == ["recipient_unreachable"]


def test_a_revoked_token_pauses_the_services_side_alone(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, times=None, status=401)
    relay.reply(thread, "one")
    relay.settle()
    assert relay.account_now().service_state is RunState.PAUSED
    relay.reply(thread, "two")
    relay.say("I still write")
    relay.settle()
    assert "I still write" in relay.texts()
    assert [row.attempts for row in relay.rows("outbound")] == [0, 0]
    relay.world.faults.clear()
    relay.execute(update(accounts).values(service_state="running", service_hint=""))
    relay.settle()
    assert relay.heard() == ["one", "two"]


def test_a_late_refusal_of_old_credentials_does_not_stop_new_ones(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, status=401)
    send = LoopbackConnector.send

    def replaced_meanwhile(self: LoopbackConnector, part: Part, account: Account, http: Http) -> Sent:
        monkeypatch.setattr(LoopbackConnector, "send", send)
        relay.execute(update(accounts).values(credentials_version=accounts.c.credentials_version + 1))
        return send(self, part, account, http)

    monkeypatch.setattr(LoopbackConnector, "send", replaced_meanwhile)
    relay.reply(thread, "one")
    relay.settle()
    assert relay.account_now().service_state is RunState.RUNNING
    assert relay.heard() == ["one"]


def test_at_the_deadline_the_agent_is_told_why_and_nothing_is_sent_later(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, times=None, status=500)
    answer = relay.reply(thread, "too late")
    relay.settle()
    relay.pass_time(relay.services.settings.deadline)
    relay.settle()
    status, sentence = relay.status_of(answer)
    assert status == "FAILED"
    assert "10 min" in sentence
    assert "out of order" in sentence
    relay.world.faults.clear()
    relay.pass_time(100_000)
    relay.settle()
    assert relay.heard() == []
    assert [one.reason for one in letters(relay)] == ["deadline"]


def test_near_the_deadline_no_call_is_begun(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.reply(thread, "close")
    relay.wait_for_webhooks()
    relay.pass_time(relay.services.settings.deadline - relay.services.settings.call_timeout + 1)
    relay.settle()
    assert relay.heard() == []
    assert outcomes(relay, relay.rows("outbound")[0].id) == []


def test_a_message_whose_worker_died_gets_its_verdict_although_the_account_is_paused(relay: RelayWorld) -> None:
    thread = relay.conversation()
    answer = relay.reply(thread, "perhaps")
    relay.wait_for_webhooks()
    die_in_the_call(relay, "outbound")
    relay.execute(update(accounts).values(service_state="paused", service_hint="Enter a new token."))
    relay.pass_time(relay.services.settings.deadline + 1)
    relay.settle()
    status, sentence = relay.status_of(answer)
    assert status == "FAILED"
    assert "may have arrived" in sentence


@pytest.mark.parametrize(
    ("policy", "heard", "status"),
    [(UnknownOutcome.HOLD, [], "FAILED"), (UnknownOutcome.RESEND, ["perhaps"], "SENT")],
)
def test_a_call_whose_worker_died_is_settled_by_the_services_policy(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch, policy: UnknownOutcome, heard: list[str], status: str
) -> None:
    relay = light_relay
    monkeypatch.setattr(LoopbackConnector, "capabilities", Capabilities(text_length=4000, unknown_outcome=policy))
    thread = relay.conversation()
    answer = relay.reply(thread, "perhaps")
    relay.wait_for_webhooks()
    die_in_the_call(relay, "outbound")
    relay.settle()
    assert relay.heard() == heard
    assert relay.status_of(answer)[0] == status


def test_a_service_that_can_be_asked_is_asked_first(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    relay = light_relay
    asking = Capabilities(text_length=4000, unknown_outcome=UnknownOutcome.LOOK_UP)
    monkeypatch.setattr(LoopbackConnector, "capabilities", asking)
    monkeypatch.setattr(LoopbackConnector, "look_up", lambda *_: Sent(("found",)), raising=False)
    thread = relay.conversation()
    answer = relay.reply(thread, "perhaps")
    relay.wait_for_webhooks()
    die_in_the_call(relay, "outbound")
    relay.settle()
    assert relay.heard() == []
    assert relay.status_of(answer)[0] == "SENT"


def test_a_bug_in_a_connector_makes_a_dead_letter_after_three_tries(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = light_relay
    thread = relay.conversation()
    send = LoopbackConnector.send

    def stumble(self: LoopbackConnector, part: Part, account: Account, http: Http) -> Sent:
        if part.content.text == "bug":
            raise KeyError("surprise")
        return send(self, part, account, http)

    monkeypatch.setattr(LoopbackConnector, "send", stumble)
    refused = relay.reply(thread, "bug")
    relay.wait_for_webhooks()
    relay.reply(thread, "fine")
    for _ in range(3):
        relay.settle()
        relay.pass_time(15)
    relay.settle()
    assert relay.heard() == ["fine"]
    assert outcomes(relay, relay.rows("outbound")[0].id) == ["transient", "transient", Outcome.REJECTED.value]
    assert relay.status_of(refused)[0] == "FAILED"


def test_a_long_message_becomes_parts_that_are_sent_once_each(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    text = " ".join(f"word{number:04d}" for number in range(1_200))
    relay.world.faults.clear()
    relay.fault(Api.LOOPBACK, FaultKind.RESET_AFTER, path=SENDING)
    answer = relay.reply(thread, text)
    relay.settle()
    relay.pass_time(3)
    relay.settle()
    assert len(relay.heard()) == 3
    assert " ".join(relay.heard()) == text
    assert relay.status_of(answer)[0] == "SENT"


@pytest.mark.parametrize(("sent", "sentence"), [(0, "Part 1 of 3: "), (1, "Part 2 of 3: ")])
def test_a_part_that_fails_is_named_and_the_rest_is_not_sent(light_relay: RelayWorld, sent: int, sentence: str) -> None:
    relay = light_relay
    thread = relay.conversation()
    answer = relay.reply(thread, " ".join(f"word{number:04d}" for number in range(1_200)))
    relay.wait_for_webhooks()
    blocked = Fault(kind=FaultKind.STATUS, status=403)
    relay.world.faults.add(FaultRule(api=Api.LOOPBACK, path=SENDING, skip=sent, times=1, fault=blocked))
    relay.settle()
    assert len(relay.heard()) == sent
    status, told = relay.status_of(answer)
    assert status == "FAILED"
    assert told.startswith(sentence)
    assert "block" in told


def test_a_part_that_is_overdue_is_named(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, times=None, status=500)
    answer = relay.reply(thread, " ".join(f"word{number:04d}" for number in range(1_200)))
    relay.settle()
    relay.pass_time(relay.services.settings.deadline)
    relay.settle()
    assert relay.status_of(answer)[1].startswith("Part 1 of 3: ")


def test_an_account_that_is_paused_between_two_messages_stops_the_second(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.reply(thread, "one")
    relay.settle()
    relay.execute(update(accounts).values(state="paused", hint="Holiday."))
    relay.reply(thread, "two")
    relay.settle()
    assert relay.heard() == ["one"]
    relay.pass_time(relay.services.settings.deadline + 1)
    assert schedule.expire(relay.services) == 1
    assert "Holiday." in relay.rows("outbound")[1].hint
