from __future__ import annotations

from collections import Counter

import pytest

from app.bench.chaos import plan
from app.bench.chaos.plan import LEASE, Kind, Size
from app.bench.load import Side
from app.simulator.faults import FaultRule

SIZE = Size(seconds=20, messages=410)


def made(seed: int, *, size: Size = SIZE, database: str = "postgresql", broker: str = "redis") -> plan.Plan:
    return plan.make(seed, size, database=database, broker=broker)


def test_a_seed_gives_the_same_plan_each_time_and_another_seed_another_one() -> None:
    assert made(7) == made(7)
    assert made(7).as_text() == made(7).as_text()
    assert made(7).blows != made(8).blows
    assert made(7).lines != made(8).lines
    assert made(7).weather != made(8).weather


def test_every_message_is_numbered_in_its_conversation_in_the_order_of_its_time() -> None:
    for side in Side:
        mine = [line.words for line in made(3).lines if line.words.side is side]
        assert len(mine) == SIZE.messages
        for conversation in {words.conversation for words in mine}:
            numbers = [words.number for words in mine if words.conversation == conversation]
            assert numbers == list(range(1, len(numbers) + 1))


def test_half_of_all_is_in_the_hot_conversations_and_every_cold_one_has_its_part() -> None:
    counts = Counter(line.words.conversation for line in made(3).lines)
    hot, cold, telegram = plan.lanes(SIZE)
    assert (len(hot), len(cold), len(telegram)) == (5, 160, 40)
    assert set(counts) == {*hot, *cold, *telegram}
    assert sum(counts[one] for one in hot) == SIZE.messages
    assert {counts[one] for one in cold + telegram} <= {2, 3, 4}


def test_every_kind_of_role_and_server_is_struck_in_time() -> None:
    for seed in range(20):
        blows = made(seed, broker="rabbitmq").blows
        assert {blow.kind for blow in blows} == set(Kind)
        killed = {blow.role.partition(" ")[0] for blow in blows if blow.kind is Kind.KILL}
        assert killed == {"web", "worker", "media", "scheduler"}
        assert all(0 < blow.at < SIZE.seconds for blow in blows)
        assert all(blow.seconds > LEASE for blow in blows if blow.kind is Kind.FREEZE)


@pytest.mark.parametrize(
    ("database", "broker", "spared"),
    [
        ("postgresql", "redis", {Kind.KILL_LIMITER}),
        (
            "sqlite",
            "embedded",
            {Kind.KILL_LIMITER, Kind.RESTART_BROKER, Kind.RESTART_DATABASE, Kind.KILL_DATABASE},
        ),
    ],
)
def test_only_servers_that_are_there_are_struck(database: str, broker: str, spared: set[Kind]) -> None:
    assert {blow.kind for blow in made(5, database=database, broker=broker).blows} == set(Kind) - spared


def test_the_simulator_takes_every_rule_of_the_weather() -> None:
    rules = [FaultRule.model_validate(one) for one in made(1).weather]
    assert {rule.api for rule in rules} == {"hubspot", "loopback", "telegram"}
