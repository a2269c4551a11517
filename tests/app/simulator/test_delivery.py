from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from app.simulator.delivery import Attempt, Delivery
from app.simulator.faults import Api, Fault, FaultKind, FaultRule, Faults
from app.simulator.posting import RetryPolicy, WebhookTarget
from tests.app.simulator.receiver import Receiver, eventually

SOON = RetryPolicy("soon", (0.02, 0.02, 0.02), timeout=0.5)


@pytest.fixture
def faults() -> Faults:
    return Faults(seed=1)


@pytest.fixture
def delivery(faults: Faults) -> Iterator[Delivery]:
    running = Delivery(faults)
    yield running
    running.close()


def numbered(attempt: int) -> Mapping[str, str]:
    return {"X-Attempt": str(attempt)}


def target(receiver: Receiver, policy: RetryPolicy = SOON, key: str = "") -> WebhookTarget:
    return WebhookTarget(f"{receiver.url}/hook?a=1", Api.HUBSPOT, order_key=key, policy=policy)


def outcomes(delivery: Delivery) -> list[str]:
    return [attempt.outcome for attempt in delivery.attempts()]


def strike(faults: Faults, kind: FaultKind, times: int | None = 1, seconds: float = 0.1) -> None:
    faults.add(FaultRule(api=Api.HUBSPOT, times=times, fault=Fault(kind=kind, seconds=seconds)))


def test_a_post_arrives_as_it_was_given(receiver: Receiver, delivery: Delivery) -> None:
    delivery.post(target(receiver), '{"a":"é"}'.encode(), numbered, label="A")
    (request,) = receiver.wait(1)
    assert (request.path, request.body) == ("/hook?a=1", '{"a":"é"}'.encode())
    assert request.headers["content-type"] == "application/json"
    eventually(lambda: delivery.pending() == 0)
    assert outcomes(delivery) == ["done"]


def test_failures_are_tried_again_with_fresh_headers(receiver: Receiver, delivery: Delivery) -> None:
    receiver.answers = [500, 404, 302]
    delivery.post(target(receiver), b"{}", numbered)
    requests = receiver.wait(4)
    assert [request.headers["x-attempt"] for request in requests] == ["1", "2", "3", "4"]
    eventually(lambda: outcomes(delivery) == ["retry", "retry", "retry", "done"])


def test_a_webhook_is_given_up_after_the_last_delay(receiver: Receiver, delivery: Delivery) -> None:
    receiver.answers = [500] * 9
    delivery.post(target(receiver), b"{}", numbered)
    eventually(lambda: delivery.pending() == 0)
    assert outcomes(delivery) == ["retry", "retry", "retry", "failed"]


def test_without_delays_there_is_one_attempt(receiver: Receiver, delivery: Delivery) -> None:
    receiver.answers = [500]
    delivery.post(target(receiver, RetryPolicy("none", ())), b"{}", numbered)
    eventually(lambda: outcomes(delivery) == ["failed"])


def test_a_silent_receiver_and_a_closed_port_are_failures(receiver: Receiver, delivery: Delivery) -> None:
    receiver.pause = 0.3
    delivery.post(target(receiver, RetryPolicy("none", (), timeout=0.05)), b"{}", numbered)
    eventually(lambda: delivery.pending() == 0)
    delivery.post(WebhookTarget("http://127.0.0.1:1/", Api.HUBSPOT, policy=RetryPolicy("none", ())), b"{}", numbered)
    delivery.post(WebhookTarget("http://127.0.0.1:port/", Api.HUBSPOT, policy=RetryPolicy("none", ())), b"", numbered)
    eventually(lambda: delivery.pending() == 0)
    assert sorted(attempt.error for attempt in delivery.attempts()) == [
        "ConnectionRefusedError",
        "TimeoutError",
        "ValueError",
    ]


def test_webhooks_of_one_key_wait_for_the_one_before(receiver: Receiver, delivery: Delivery) -> None:
    receiver.answers = [500, 500]
    for number in range(5):
        delivery.post(target(receiver, key="chat"), json.dumps(number).encode(), numbered)
    eventually(lambda: delivery.pending() == 0)
    assert [request.body for request in receiver.requests] == [b"0", b"0", b"0", b"1", b"2", b"3", b"4"]


def test_other_keys_do_not_wait(receiver: Receiver, delivery: Delivery) -> None:
    closed = WebhookTarget("http://127.0.0.1:1/", Api.HUBSPOT, order_key="a", policy=RetryPolicy("slow", (60,)))
    delivery.post(closed, b"", numbered)
    delivery.post(target(receiver, key="b"), b"{}", numbered)
    receiver.wait(1)
    eventually(lambda: delivery.pending() == 1)


def test_time_can_be_moved_to_the_next_attempt(receiver: Receiver, delivery: Delivery) -> None:
    receiver.answers = [500]
    delivery.post(target(receiver, RetryPolicy("rare", (3600,))), b"{}", numbered)
    eventually(lambda: outcomes(delivery) == ["retry"])
    assert 1000 < delivery.due_in() < 5000
    delivery.advance(1000)
    assert delivery.pending() == 1
    delivery.advance(5000)
    receiver.wait(2)
    assert delivery.due_in() <= 0


def test_pending_ones_can_be_cancelled(receiver: Receiver, delivery: Delivery) -> None:
    receiver.answers = [500]
    delivery.post(target(receiver, RetryPolicy("rare", (3600,)), key="k"), b"1", numbered)
    delivery.post(target(receiver, key="k"), b"2", numbered)
    eventually(lambda: outcomes(delivery) == ["retry"])
    assert delivery.pending(url=target(receiver).url) == 2
    assert delivery.cancel(api=Api.TELEGRAM) == 0
    assert delivery.cancel(api=Api.HUBSPOT) == 2
    assert delivery.due_in() == 0, "what was given up is not waited for"
    delivery.post(target(receiver, key="k"), b"3", numbered)
    assert [request.body for request in receiver.wait(2)] == [b"1", b"3"]


def test_a_duplicate_is_the_same_body_with_headers_of_its_own(
    receiver: Receiver, delivery: Delivery, faults: Faults
) -> None:
    strike(faults, FaultKind.DUPLICATE)
    delivery.post(target(receiver), b"{}", numbered)
    first, second = receiver.wait(2)
    assert first.body == second.body
    delivery.post(target(receiver), b"{}", numbered)
    receiver.wait(3)
    eventually(lambda: delivery.pending() == 0)
    assert len(receiver.requests) == 3


def test_a_dropped_webhook_is_lost_and_logged(receiver: Receiver, delivery: Delivery, faults: Faults) -> None:
    strike(faults, FaultKind.DROP)
    seen: list[Attempt] = []
    delivery.post(target(receiver), b"lost", numbered, on_attempt=seen.append)
    delivery.post(target(receiver), b"kept", numbered)
    assert receiver.wait(1)[0].body == b"kept"
    assert outcomes(delivery)[0] == "dropped"
    assert [attempt.outcome for attempt in seen] == ["dropped"]


def test_reordered_webhooks_change_places(receiver: Receiver, delivery: Delivery, faults: Faults) -> None:
    strike(faults, FaultKind.REORDER)
    delivery.post(target(receiver), b"1", numbered)
    delivery.post(target(receiver), b"2", numbered)
    assert [request.body for request in receiver.wait(2)] == [b"2", b"1"]


def test_a_delayed_webhook_comes_later(receiver: Receiver, delivery: Delivery, faults: Faults) -> None:
    strike(faults, FaultKind.DELAY, seconds=0.2)
    delivery.post(target(receiver), b"1", numbered)
    delivery.post(target(receiver), b"2", numbered)
    assert [request.body for request in receiver.wait(2)] == [b"2", b"1"]


def test_an_endless_policy_repeats_its_last_delay() -> None:
    policy = RetryPolicy("endless", (1, 5), endless=True)
    assert [policy.delay_after(number) for number in (1, 2, 3, 99)] == [1, 5, 5, 5]


def test_a_host_with_two_addresses_is_posted_to_in_turn_under_its_own_name(
    receiver: Receiver, delivery: Delivery
) -> None:
    with Receiver() as other:
        hosts = [one.url.partition("//")[2] for one in (receiver, other)]
        delivery.routes.set({hosts[0]: hosts})
        for _ in range(6):
            delivery.post(target(receiver, key="one"), b"{}", numbered)
        assert {one.headers["host"] for one in [*receiver.wait(3), *other.wait(3)]} == {hosts[0]}
        eventually(lambda: delivery.pending() == 0)
        assert (len(receiver.requests), len(other.requests)) == (3, 3)
