from __future__ import annotations

import pytest

from app.simulator import seed
from tests.app.simulator.rules import assert_rules_kept
from tests.app.simulator.scene import ACCOUNTS, KEY, MESSAGES, Scene


def answered(scene: Scene) -> str:
    return str(scene.reply(scene.publish(integrationIdempotencyId="i1")["conversationsThreadId"])["id"])


def test_a_client_that_keeps_every_rule(scene: Scene) -> None:
    scene.call("PATCH", f"{MESSAGES}/{answered(scene)}", {"statusType": "SENT"})
    assert scene.sim("GET", "/assertions")["broken"] == []
    assert_rules_kept(scene.world, logs="event=published message=5")


def test_an_agents_message_without_a_verdict_is_named_unless_it_is_excused(scene: Scene) -> None:
    message = answered(scene)
    (sentence,) = scene.sim("GET", "/assertions")["broken"]
    assert message in sentence
    assert scene.sim("GET", f"/assertions?excused={message}")["broken"] == []
    assert_rules_kept(scene.world, excused=[message])
    with pytest.raises(AssertionError, match="without a verdict"):
        assert_rules_kept(scene.world)


def test_a_key_at_the_wrong_address_and_too_many_calls_are_named(scene: Scene) -> None:
    scene.client.get(ACCOUNTS, params=KEY)
    scene.world.switch(rate_limit=1)
    assert {scene.call("GET", ACCOUNTS).status_code for _ in range(2)} == {200, 429}
    key, calls = scene.sim("GET", "/assertions")["broken"]
    assert "developer key" in key
    assert calls.startswith("2 calls")


def test_secrets_in_logs_are_found_by_their_kind(scene: Scene) -> None:
    leaky = f"refreshed {seed.REFRESH_TOKEN}, now {scene.token}"
    answer = scene.client.post("/_sim/secrets", content=leaky)
    assert answer.json() == ["access token", "refresh token"]
    with pytest.raises(AssertionError, match="access token"):
        assert_rules_kept(scene.world, logs=leaky)
