from __future__ import annotations

from typing import Any

import pytest

from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import Scene


def test_switches_are_shown_changed_and_checked(scene: Scene) -> None:
    shown = scene.sim("GET", "/switches")
    assert shown["values"]["duplicate_policy"] == "return_existing"
    assert {switch["confidence"] for switch in shown["switches"]} <= set("DCIU")
    assert scene.sim("PUT", "/switches", {"duplicate_policy": "conflict"})["duplicate_policy"] == "conflict"
    for wrong in ({"duplicate_policy": "maybe"}, {"no_such_switch": 1}, {"rate_limit": 0}):
        answer = scene.client.put("/_sim/switches", json=wrong)
        assert answer.status_code == 400
        assert next(iter(wrong)) in answer.json()["message"]
    assert scene.world.switches.duplicate_policy == "conflict"


def test_faults_are_added_listed_and_removed(scene: Scene) -> None:
    rule: dict[str, Any] = {"api": "telegram", "fault": {"kind": "slow"}}
    first = scene.sim("POST", "/faults", rule)
    scene.sim("POST", "/faults", rule)
    assert len(scene.sim("GET", "/faults")) == 2
    scene.sim("DELETE", f"/faults/{first['id']}")
    assert scene.client.delete(f"/_sim/faults/{first['id']}").status_code == 404
    scene.sim("DELETE", "/faults")
    assert scene.sim("GET", "/faults") == []


@pytest.mark.parametrize("rule", [{}, {"api": "sms", "fault": {"kind": "slow"}}, {"api": "hubspot", "fault": {}}])
def test_faults_that_make_no_sense_are_refused(scene: Scene, rule: dict[str, Any]) -> None:
    assert scene.client.post("/_sim/faults", json=rule).status_code == 400


def test_the_clock_moves_forward_only(scene: Scene) -> None:
    before = scene.world.clock.now()
    scene.sim("POST", "/clock", {"advance": 3600})
    assert scene.world.clock.now() - before == pytest.approx(3600, abs=5)
    assert scene.client.post("/_sim/clock", json={"advance": -1}).status_code == 400
    assert scene.client.post("/_sim/clock", json={"advance": "soon"}).status_code == 400


def test_events_are_streamed(scene: Scene) -> None:
    last = scene.world.events.publish("marker", {}).id
    scene.publish()
    with scene.client.stream("GET", "/_sim/events", headers={"Last-Event-ID": str(last)}) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        kinds = []
        for line in stream.iter_lines():
            kinds += [line.removeprefix("event: ")] if line.startswith("event: ") else []
            if len(kinds) == 2:
                break
    assert kinds == ["message_created", "thread_changed"]


def test_a_reset_empties_the_world(scene: Scene) -> None:
    scene.publish()
    scene.world.switch(rate_limit=7)
    scene.sim("POST", "/reset")
    state = scene.sim("GET", "/state")
    assert (state["portals"], state["threads"], state["faults"]) == ([], 0, [])
    assert scene.world.switches.rate_limit == 110


def test_seeding_by_call(scene: Scene, receiver: Receiver) -> None:
    scene.sim("POST", "/reset")
    seeded = scene.sim("POST", "/seed", {"relayUrl": f"{receiver.url}/"})
    assert seeded["refreshToken"] == "sim-refresh-4700001"
    channels = scene.sim("GET", "/state")["channels"]
    assert [channel["webhookUrl"] for channel in channels] == [f"{receiver.url}/webhooks/hubspot"]
    assert scene.client.post("/_sim/seed", json={}).status_code == 400


def test_bodies_must_be_objects(scene: Scene) -> None:
    assert scene.client.put("/_sim/switches", content=b"[]").status_code == 400
    assert scene.client.put("/_sim/switches", content=b"{").status_code == 400
    assert scene.client.post("/_sim/events/inject", content=b"{").status_code == 400


def test_routes_name_the_addresses_of_a_host(scene: Scene, receiver: Receiver) -> None:
    elsewhere = {"127.0.0.1:1": [receiver.url.partition("//")[2]]}
    assert scene.sim("PUT", "/routes", elsewhere) == elsewhere
    assert scene.world.delivery.routes.next("127.0.0.1:1") == elsewhere["127.0.0.1:1"][0]
    assert scene.client.put("/_sim/routes", json={"a:1": "b:2"}).status_code == 400
