from __future__ import annotations

from collections.abc import Iterable

import pytest
from sqlalchemy import select, update

from app.domain.account import RunState
from app.errors import HubSpotUnavailable, OutcomeUnknown, RateLimited, Rejected, ServiceUnavailable
from app.relay import accounts as account_use
from app.relay import schedule
from app.relay.breaker import LANES, PROBES, trouble
from app.relay.drain import drain
from app.relay.verdict import OWN_TRIES
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.storage import breakers
from app.storage.breakers import Breaker, Key, Scope
from app.storage.tables import lanes, messages
from app.storage.tables import portals as portal_table
from tests.app.relay.world import RelayWorld

SENDING = "/v1/messages"
PUBLISHING = "/messages$"
CUSTOMERS = ("c1", "c2", "c3", "c4", "c5")


def said(relay: RelayWorld, text: str, conversations: Iterable[str] = CUSTOMERS) -> None:
    """Every customer writes; nothing is drained yet."""
    for one in conversations:
        relay.say(f"{text} of {one}", one)
    relay.wait_for_webhooks()


def breaker_of(relay: RelayWorld, scope: Scope = Scope.HUBSPOT) -> Breaker | None:
    key = Key(scope, relay.account.portal_id if scope is Scope.PORTAL else relay.account.id)
    with relay.services.database.read() as connection:
        return breakers.get(connection, key)


def is_open(relay: RelayWorld, scope: Scope = Scope.HUBSPOT) -> bool:
    found = breaker_of(relay, scope)
    return found is not None and found.is_open


def broken(relay: RelayWorld, containing: str = "", status: int = 500, **more: int) -> None:
    """HubSpot refuses publications, or those that hold a text."""
    fault = Fault(kind=FaultKind.STATUS, status=status, **more)
    relay.world.faults.add(
        FaultRule(api=Api.HUBSPOT, method="POST", path=PUBLISHING, containing=containing, fault=fault)
    )


def attempts_of(relay: RelayWorld) -> list[int]:
    return [row.attempts for row in relay.rows()]


@pytest.mark.parametrize("error", [HubSpotUnavailable("down"), ServiceUnavailable("down"), OutcomeUnknown("no answer")])
def test_what_says_something_about_the_other_side(error: Exception) -> None:
    assert trouble(error) is not None


@pytest.mark.parametrize("error", [RateLimited("slow down"), Rejected("no"), ValueError("ours")])
def test_what_says_nothing_about_the_other_side(error: Exception) -> None:
    assert trouble(error) is None


def test_failures_in_three_lanes_open_it_and_what_fails_behind_it_burns_nothing(relay: RelayWorld) -> None:
    broken(relay)
    said(relay, "one")
    relay.settle()
    assert is_open(relay)
    called = len(relay.world.faults.list()) and relay.world.faults.list()[0]["hits"]
    assert called == LANES  # the others were not tried
    assert sorted(attempts_of(relay)) == [0, 0, 0, 1, 1]
    for _ in range(6):
        relay.pass_time(PROBES[-1] * 2)
        relay.settle()
    assert is_open(relay)
    assert sorted(attempts_of(relay)) == [0, 0, 0, 1, 1]


def test_the_first_probe_that_succeeds_lets_everybody_go_on_at_once_and_in_order(relay: RelayWorld) -> None:
    broken(relay)
    said(relay, "one")
    relay.settle()
    said(relay, "two")
    relay.settle()
    relay.world.faults.clear()
    relay.settle()
    assert relay.texts() == []  # nobody tries before the probe
    relay.pass_time(PROBES[0] * 1.3)
    relay.settle()
    assert breaker_of(relay) is None
    texts = relay.texts()
    for one in CUSTOMERS:
        assert [text for text in texts if text.endswith(one)] == [f"one of {one}", f"two of {one}"]


def test_each_probe_is_a_different_lane(relay: RelayWorld) -> None:
    broken(relay)
    said(relay, "one")
    relay.settle()
    probed = []
    for _ in CUSTOMERS:
        relay.pass_time(PROBES[-1] * 2)
        relay.settle()
        found = breaker_of(relay)
        assert found is not None
        probed.append(found.last_probe_lane)
    assert len(set(probed)) == len(CUSTOMERS)


def test_a_success_in_between_keeps_it_closed(light_relay: RelayWorld) -> None:
    broken(light_relay, "poison")
    for number, one in enumerate(CUSTOMERS):
        light_relay.say("poison", one)
        light_relay.say("good", f"other {number}")
        light_relay.settle()
    assert not is_open(light_relay)


def test_a_message_that_always_fails_holds_nothing_open(light_relay: RelayWorld) -> None:
    broken(light_relay)
    said(light_relay, "poison", ("p1", "p2", "p3"))
    light_relay.settle()
    assert is_open(light_relay)
    light_relay.world.faults.clear()
    broken(light_relay, "poison")
    said(light_relay, "good", ("g1", "g2"))
    light_relay.settle()
    for _ in range(5):  # once around the waiting lanes
        light_relay.pass_time(PROBES[-1] * 2)
        light_relay.settle()
    assert sorted(light_relay.texts()) == ["good of g1", "good of g2"]
    for _ in range(3 * OWN_TRIES):
        light_relay.pass_time(2000)
        light_relay.say("more", "g1")
        light_relay.settle()
    assert not is_open(light_relay)
    assert [row.status for row in light_relay.rows() if "poison" in row.content["text"]] == ["failed"] * 3


def test_a_message_that_fails_alone_becomes_a_dead_letter_and_its_lane_goes_on(light_relay: RelayWorld) -> None:
    broken(light_relay, "poison")
    light_relay.say("poison", "c1")
    light_relay.say("behind it", "c1")
    for number in range(OWN_TRIES + 3):
        light_relay.say("good", f"other {number}")
        light_relay.settle()
        light_relay.pass_time(2000)
    light_relay.settle()
    poison = next(row for row in light_relay.rows() if row.content["text"] == "poison")
    assert (poison.status, poison.attempts) == ("failed", OWN_TRIES)
    assert "behind it" in light_relay.texts()
    assert any("could not be shown" in text for text in light_relay.texts())


@pytest.mark.parametrize("status", [423, 477])
def test_what_concerns_everybody_opens_it_at_once_and_burns_nothing(light_relay: RelayWorld, status: int) -> None:
    broken(light_relay, status=status, retry_after=600)
    said(light_relay, "one")
    light_relay.settle()
    assert is_open(light_relay)
    assert attempts_of(light_relay) == [0] * len(CUSTOMERS)
    light_relay.pass_time(500)
    light_relay.settle()
    assert light_relay.world.faults.list()[0]["hits"] == 1  # nobody knocks before the time
    light_relay.world.faults.clear()
    light_relay.pass_time(150)
    light_relay.settle()
    assert len(light_relay.texts()) == len(CUSTOMERS)


def test_a_service_that_is_down_stops_only_what_goes_to_it(light_relay: RelayWorld) -> None:
    said(light_relay, "hello")
    light_relay.settle()
    light_relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, times=None, status=503)
    for thread in light_relay.threads():
        light_relay.reply(thread["id"], "answer")
    light_relay.settle()
    assert is_open(light_relay, Scope.SERVICE)
    light_relay.say("I still write")
    light_relay.settle()
    assert "I still write" in light_relay.texts()
    light_relay.world.faults.clear()
    light_relay.pass_time(PROBES[0] * 1.3)
    light_relay.settle()
    heard = [one["text"] for name in CUSTOMERS for one in light_relay.customer_sees(name) if not one["mine"]]
    assert heard == ["answer"] * len(CUSTOMERS)


def test_who_was_never_tried_hears_why_at_the_deadline(light_relay: RelayWorld) -> None:
    said(light_relay, "hello")
    light_relay.settle()
    light_relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, times=None, status=503)
    answers = [light_relay.reply(thread["id"], "answer") for thread in light_relay.threads()]
    light_relay.settle()
    light_relay.pass_time(700)
    light_relay.settle()
    for answer in answers:
        status, sentence = light_relay.status_of(answer)
        assert status == "FAILED"
        assert "Loopback" in sentence
    light_relay.world.faults.clear()
    light_relay.pass_time(700)
    light_relay.settle()
    assert light_relay.heard() == []  # nothing is sent after it was called failed


def test_a_refused_token_of_a_service_is_tried_again_now_and_then(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=SENDING, times=None, status=401)
    relay.reply(thread, "one")
    relay.settle()
    assert relay.account_now().service_state is RunState.PAUSED
    relay.pass_time(80)
    relay.settle()
    assert relay.world.faults.list()[0]["hits"] == 2
    assert relay.account_now().service_state is RunState.PAUSED
    assert [row.attempts for row in relay.rows("outbound")] == [0]
    relay.world.faults.clear()
    relay.pass_time(50)
    relay.settle()
    assert relay.heard() == []
    relay.pass_time(120)
    relay.settle()
    assert relay.heard() == ["one"]
    assert relay.account_now().service_state is RunState.RUNNING
    assert breaker_of(relay, Scope.SERVICE) is None


def test_a_portal_that_takes_us_again_is_found_by_a_probe(relay: RelayWorld) -> None:
    relay.conversation()
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=PUBLISHING, times=None, status=401)
    relay.say("one")
    relay.settle()
    with relay.services.database.read() as connection:
        assert connection.execute(select(portal_table.c.state)).scalar_one() == "paused"
    relay.world.faults.clear()
    relay.pass_time(90)
    relay.settle()
    assert relay.texts() == ["Hello?", "one"]
    with relay.services.database.read() as connection:
        assert connection.execute(select(portal_table.c.state, portal_table.c.hint)).one() == ("running", "")


def test_an_operator_who_resumes_is_not_held_back_by_a_breaker(light_relay: RelayWorld) -> None:
    broken(light_relay)
    said(light_relay, "one")
    light_relay.settle()
    light_relay.world.faults.clear()
    account_use.resume(light_relay.services, light_relay.account.id)
    light_relay.pass_time(3)
    light_relay.settle()
    assert len(light_relay.texts()) == len(CUSTOMERS)


def test_where_nothing_waits_no_probe_is_made(light_relay: RelayWorld) -> None:
    broken(light_relay)
    said(light_relay, "one")
    light_relay.settle()
    light_relay.execute(update(messages).values(status="cancelled"))
    light_relay.execute(update(lanes).values(due=None))
    light_relay.pass_time(100)
    schedule.look(light_relay.services)
    found = breaker_of(light_relay)
    assert found is not None
    assert (found.probe_lane, found.is_open) == (None, True)


def test_a_lane_behind_an_open_breaker_is_not_claimed(light_relay: RelayWorld) -> None:
    broken(light_relay)
    said(light_relay, "one")
    light_relay.settle()
    light_relay.world.faults.clear()
    light_relay.pass_time(4)  # every retry is due, the probe is not
    with light_relay.services.database.read() as connection:
        ids = list(connection.execute(select(lanes.c.id).where(lanes.c.kind == "inbound")).scalars())
    assert [drain(light_relay.services, one) for one in ids] == [0] * len(CUSTOMERS)
