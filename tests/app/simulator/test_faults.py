from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pydantic import ValidationError

from app.simulator.faults import Api, Fault, FaultKind, FaultRule, Faults
from tests.app.simulator.scene import MESSAGES, Scene, message

INBOXES = "/conversations/v3/conversations/inboxes"


def rule(kind: FaultKind = FaultKind.STATUS, **changes: object) -> FaultRule:
    return FaultRule.model_validate({"api": Api.HUBSPOT, "fault": {"kind": kind}, **changes})


def test_a_rule_spares_the_first_calls_and_ends_by_itself() -> None:
    faults = Faults()
    faults.add(rule(skip=1, times=2))
    drawn = [bool(faults.draw(Api.HUBSPOT, "POST", "/x")) for _ in range(5)]
    assert drawn == [False, True, True, False, False]
    assert faults.list() == []


def test_a_rule_hits_only_its_api_verb_and_path() -> None:
    faults = Faults()
    faults.add(rule(method="post", path=r"/messages$"))
    assert not faults.draw(Api.TELEGRAM, "POST", "/messages")
    assert not faults.draw(Api.HUBSPOT, "GET", "/messages")
    assert not faults.draw(Api.HUBSPOT, "POST", "/messages/1")
    assert faults.draw(Api.HUBSPOT, "POST", "/a/messages")


def test_probability_repeats_with_the_seed() -> None:
    def hits() -> list[bool]:
        faults = Faults(seed=3)
        faults.add(rule(probability=0.5))
        return [bool(faults.draw(Api.HUBSPOT, "GET", "/")) for _ in range(40)]

    assert hits() == hits()
    assert 5 < sum(hits()) < 35


def test_webhook_kinds_never_strike_requests() -> None:
    faults = Faults()
    faults.add(rule(FaultKind.DUPLICATE))
    assert not faults.draw(Api.HUBSPOT, "POST", "/")


def test_removing_and_clearing() -> None:
    changes: list[int] = []
    faults = Faults(changed=lambda: changes.append(1))
    first = faults.add(rule())
    faults.add(rule())
    assert faults.remove(first.id)
    assert not faults.remove(first.id)
    assert len(faults.list()) == 1
    faults.clear()
    assert faults.list() == []
    assert len(changes) == 5


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="regular expression"):
        rule(path="(")


def test_a_fault_is_listed_with_its_hits() -> None:
    faults = Faults()
    faults.add(FaultRule(api=Api.HUBSPOT, times=3, fault=Fault(kind=FaultKind.SLOW, seconds=1)))
    faults.draw(Api.HUBSPOT, "GET", "/")
    listed = faults.list()[0]
    assert (listed["hits"], listed["remaining"], listed["fault"]["kind"]) == (1, 2, "slow")


@pytest.mark.parametrize("status", [423, 477, 500, 502, 503, 504, 521])
def test_status_faults_have_the_shape_of_the_api(scene: Scene, status: int) -> None:
    scene.fault("status", status=status, retry_after=7)
    response = scene.call("GET", INBOXES)
    assert response.status_code == status
    assert response.headers["Retry-After"] == "7"
    assert response.json()["status"] == "error"
    assert response.json()["correlationId"]


def test_a_429_fault_looks_like_the_rate_limit(scene: Scene) -> None:
    scene.fault("status", status=429)
    response = scene.call("GET", INBOXES)
    assert response.json()["errorType"] == "RATE_LIMIT"
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize(("kind", "stays"), [("reset_after", 1), ("reset_before", 0)])
def test_a_reset_loses_the_answer_and_keeps_or_prevents_the_effect(scene: Scene, kind: str, stays: int) -> None:
    scene.fault(kind, method="POST")
    # The kernel may tell of the reset, or of an end that came before any answer: it depends on what is read first.
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        scene.call("POST", MESSAGES, message(integrationIdempotencyId="one"))
    assert len(scene.world.hubspot.messages) == stays
    scene.publish(integrationIdempotencyId="one")
    assert len(scene.world.hubspot.messages) == 1
    assert scene.sim("GET", "/assertions")["duplicate_publishes"] == stays


def test_an_empty_answer_keeps_the_effect(scene: Scene) -> None:
    scene.fault("empty", method="POST")
    response = scene.call("POST", MESSAGES, message())
    assert (response.status_code, response.content) == (201, b"")
    assert len(scene.world.hubspot.messages) == 1


def test_a_truncated_answer_is_no_json(scene: Scene) -> None:
    scene.fault("truncated")
    response = scene.call("GET", INBOXES)
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        response.json()


def test_an_html_page_takes_the_place_of_the_answer(scene: Scene) -> None:
    scene.fault("html", status=502)
    response = scene.call("POST", MESSAGES, message())
    assert response.status_code == 502
    assert response.headers["Content-Type"].startswith("text/html")
    assert scene.world.hubspot.messages == {}


def test_a_dripping_answer_is_whole_in_the_end(scene: Scene) -> None:
    scene.fault("drip", seconds=0.0005)
    started = time.monotonic()
    response = scene.call("GET", INBOXES)
    assert response.json()["total"] == 2
    assert time.monotonic() - started > 0.0005 * len(response.content)


def test_a_slow_answer_is_right(scene: Scene) -> None:
    scene.fault("slow", seconds=0.2)
    started = time.monotonic()
    assert scene.call("GET", INBOXES).status_code == 200
    assert time.monotonic() - started >= 0.2


def test_what_is_slow_when_its_world_ends_comes_to_nothing_in_the_next(scene: Scene) -> None:
    scene.fault("slow", seconds=0.3, times=None)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(scene.call, "POST", MESSAGES, message())
        while not scene.world.faults.list()[0]["hits"]:
            time.sleep(0.01)
        scene.world.reset()
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            slow.result()
