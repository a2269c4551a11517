from __future__ import annotations

from typing import Any

import httpx

from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from tests.app.simulator.receiver import eventually
from tests.app.simulator.scene import MESSAGES, Scene, message


def calls(scene: Scene, count: int) -> list[Any]:
    """Return the calls, so many: each has ended before its client had the whole answer."""
    assert len(scene.world.calls.list()) == count
    return list(scene.sim("GET", "/calls"))


def publish(scene: Scene, text: str) -> str:
    headers = {"Authorization": f"Bearer {scene.token}"}
    return str(scene.client.post(MESSAGES, json=message(text), headers=headers).json()["id"])


def test_calls_that_change_something_are_kept_with_text_and_times(scene: Scene) -> None:
    before = scene.world.clock.now()
    message_id = publish(scene, "Hello")
    headers = {"Authorization": f"Bearer {scene.token}"}
    scene.client.get(f"{MESSAGES}/{message_id}", headers=headers)
    scene.client.patch(f"{MESSAGES}/{message_id}", json={"statusType": "READ"}, headers=headers)
    first, second = calls(scene, 2)
    assert (first["method"], first["path"], first["text"]) == ("POST", MESSAGES, "Hello")
    assert (second["method"], second["path"], second["text"]) == ("PATCH", f"{MESSAGES}/{message_id}", "")
    assert before <= first["began"] <= first["ended"] <= second["began"] <= second["ended"]


def test_a_call_lasts_until_its_answer_is_out(scene: Scene) -> None:
    slow = Fault(kind=FaultKind.SLOW, seconds=0.1, spread=0.1)
    scene.world.faults.add(FaultRule(api=Api.HUBSPOT, fault=slow, times=1))
    scene.world.faults.add(FaultRule(api=Api.HUBSPOT, fault=Fault(kind=FaultKind.DRIP, seconds=0.001), times=1))
    publish(scene, "Slow and dripping")
    heard = scene.world.clock.now()
    (call,) = calls(scene, 1)
    assert call["ended"] - call["began"] > 0.3
    assert call["ended"] <= heard


def test_a_call_whose_client_hangs_up_ends_then(scene: Scene) -> None:
    scene.world.faults.add(FaultRule(api=Api.HUBSPOT, fault=Fault(kind=FaultKind.DRIP, seconds=0.05), times=1))
    headers = {"Authorization": f"Bearer {scene.token}"}
    with (
        httpx.Client(base_url=scene.client.base_url) as client,
        client.stream("POST", MESSAGES, json=message("Never heard"), headers=headers) as answer,
    ):
        next(answer.iter_raw())
        assert calls(scene, 0) == []
    eventually(lambda: len(scene.world.calls.list()) == 1)


def test_a_reset_forgets_the_calls(scene: Scene) -> None:
    publish(scene, "Hello")
    calls(scene, 1)
    scene.world.reset()
    assert calls(scene, 0) == []
