from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import fakeredis
import pytest
import redis
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as some

from app.bench.servers.process import free_port
from app.limiter import SHARE, Horizon, Limiter, LimiterAway, Slot
from tests.servers.redis_server import RedisServer

START = 1_700_000_000.0


class Model:
    """What the limiter should do, in ten lines of Python."""

    def __init__(self) -> None:
        self.free: dict[str, float] = {}

    def reserve(self, bucket: str, now: float, *, interval: float, horizon: float) -> float | None:
        slot = max(now, self.free.get(bucket, 0))
        if slot - now >= horizon:
            return None
        self.free[bucket] = slot + interval
        return slot

    def penalise(self, bucket: str, until: float) -> None:
        self.free[bucket] = max(until, self.free.get(bucket, 0))


@pytest.fixture
def limiter(redis_url: str) -> Iterator[Limiter]:
    """A limiter on a Redis that never held anything."""
    made = Limiter(redis_url)
    made.trust()
    yield made
    made.close()


def on_fake_redis() -> Limiter:
    """A limiter whose Redis takes its time from this process, so that tests can move it."""
    return Limiter("", client=fakeredis.FakeRedis())


def reserve(limiter: Limiter, bucket: str = "b", *, horizon: Horizon = Horizon.MESSAGES) -> Slot:
    return limiter.reserve(bucket, rate=10, seconds=1, horizon=horizon)


def test_slots_follow_one_another_at_the_rate(limiter: Limiter) -> None:
    started = time.monotonic()
    waits = [reserve(limiter).wait for _ in range(5)]
    passed = time.monotonic() - started
    assert waits[0] == 0
    for number, wait in enumerate(waits):
        assert number * 0.1 / SHARE - passed <= wait <= number * 0.1 / SHARE + 0.001


def test_buckets_do_not_know_one_another(limiter: Limiter) -> None:
    assert [reserve(limiter, bucket).wait for bucket in ("one", "two")] == [0, 0]


def test_beyond_the_horizon_nothing_is_reserved_and_the_wait_says_when_to_ask_again(limiter: Limiter) -> None:
    taken = 0
    while (slot := reserve(limiter)).granted:
        taken += 1
    bookable = 10 * SHARE * Horizon.MESSAGES.value
    assert bookable - 1 <= taken <= bookable + 5
    assert 0.1 <= slot.wait < 0.3
    assert not reserve(limiter, horizon=Horizon.RECONCILE).granted
    assert reserve(limiter, horizon=Horizon.STATUSES).granted


def test_a_penalty_moves_the_next_slot_and_never_back(limiter: Limiter) -> None:
    limiter.penalise("b", 5)
    limiter.penalise("b", 1)
    refused = reserve(limiter)
    assert not refused.granted
    beyond = 5 - Horizon.MESSAGES.value
    assert beyond - 0.5 < refused.wait <= beyond
    booked = reserve(limiter, horizon=Horizon.STATUSES)
    assert booked.granted
    assert 4.5 < booked.wait <= 5


@pytest.mark.parametrize(("remaining", "rests"), [(0, True), (1, True), (2, False), (50, False)])
def test_a_budget_that_others_spend_too_rests_for_a_moment(limiter: Limiter, remaining: int, *, rests: bool) -> None:
    limiter.observe("b", remaining=remaining, limit=110, window=10)
    assert (reserve(limiter, horizon=Horizon.STATUSES).wait > 0.5) == rests


def test_an_unknown_redis_counts_as_used_up_for_one_window(redis_url: str) -> None:
    limiter = Limiter(redis_url)
    first = limiter.reserve("b", rate=110, seconds=10, horizon=Horizon.MESSAGES)
    other = limiter.reserve("other", rate=110, seconds=10, horizon=Horizon.STATUSES)
    limiter.close()
    assert not first.granted
    beyond = 10 - Horizon.MESSAGES.value
    assert beyond - 0.5 < first.wait <= beyond
    assert other.granted
    assert 9.5 < other.wait <= 10


def test_a_wiped_redis_is_noticed(limiter: Limiter, redis_server: RedisServer) -> None:
    assert reserve(limiter).wait == 0
    redis_server.flush()
    assert reserve(limiter, horizon=Horizon.STATUSES).wait > 0.5


def test_trust_does_not_hide_an_earlier_wipe(redis_url: str) -> None:
    limiter = Limiter(redis_url)
    reserve(limiter)
    limiter.trust()
    assert reserve(limiter, "other", horizon=Horizon.STATUSES).wait > 0.5
    limiter.close()


def test_buckets_that_rest_are_forgotten_and_the_sentinel_is_not(limiter: Limiter, redis_url: str) -> None:
    reserve(limiter)
    with redis.Redis.from_url(redis_url, decode_responses=True) as looking:
        keys = {key: looking.pttl(key) for key in looking.keys("*")}
    assert 0 < keys.pop("relay:limit:b") < 200
    assert keys == {"relay:limit": -1}


def test_many_processes_share_one_budget(redis_url: str) -> None:
    limiters = [Limiter(redis_url) for _ in range(4)]
    limiters[0].trust()
    taken: list[float] = []
    lock = threading.Lock()

    def take(limiter: Limiter) -> None:
        for _ in range(25):
            asked = time.time()
            slot = limiter.reserve("b", rate=100, seconds=1, horizon=Horizon.STATUSES)
            with lock:
                taken.append(asked + slot.wait)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take, limiters))
    for limiter in limiters:
        limiter.close()
    slots = sorted(taken)
    assert len(slots) == 100
    # The time of asking is a little before Redis looked at its clock.
    assert slots[-1] - slots[0] >= 99 * 0.01 / SHARE - 0.2


def test_redis_away_is_told_quickly_and_not_asked_by_everyone() -> None:
    limiter = Limiter(f"redis://127.0.0.1:{free_port()}/0")
    started = time.monotonic()
    for _ in range(50):
        with pytest.raises(LimiterAway):
            reserve(limiter)
    assert time.monotonic() - started < 0.9
    limiter.close()


def test_a_redis_that_hangs_costs_half_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        limiter = Limiter(f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        started = time.monotonic()
        with pytest.raises(LimiterAway):
            reserve(limiter)
        assert time.monotonic() - started < 1.5
        limiter.close()


def test_a_restarted_redis_is_used_again_at_once(limiter: Limiter, redis_server: RedisServer) -> None:
    reserve(limiter)
    redis_server.kill()
    redis_server.start()
    assert reserve(limiter, horizon=Horizon.STATUSES).granted


@settings(deadline=None)  # the machine may be busy
@given(
    rate=some.integers(1, 200),
    seconds=some.sampled_from([1.0, 10.0, 60.0]),
    steps=some.lists(
        some.tuples(some.floats(0, 3), some.sampled_from(["a", "b"]), some.sampled_from([*Horizon, None])), max_size=60
    ),
)
def test_it_does_what_the_model_does_and_keeps_the_limit(
    rate: int, seconds: float, steps: list[tuple[float, str, Horizon | None]]
) -> None:
    limiter, model, granted, now = on_fake_redis(), Model(), dict[str, list[float]](a=[], b=[]), START
    limiter.trust()
    for pause, bucket, horizon in steps:
        now += pause
        with time_machine.travel(now, tick=False):
            if horizon is None:
                limiter.penalise(bucket, 1.5)
                model.penalise(bucket, now + 1.5)
                continue
            slot = limiter.reserve(bucket, rate=rate, seconds=seconds, horizon=horizon)
        expected = model.reserve(bucket, now, interval=seconds / (rate * SHARE), horizon=horizon.value)
        assert slot.granted == (expected is not None)
        if expected is not None:
            assert now + slot.wait == pytest.approx(expected, abs=0.001)
            granted[bucket].append(now + slot.wait)
    for slots in granted.values():
        for first in slots:
            assert sum(first <= slot < first + seconds for slot in slots) <= rate


def test_a_saturated_bucket_uses_its_limit_and_no_window_exceeds_it() -> None:
    limiter, granted, now = on_fake_redis(), list[float](), START
    limiter.trust()
    while now < START + 60:
        with time_machine.travel(now, tick=False):
            slot = limiter.reserve("b", rate=110, seconds=10, horizon=Horizon.MESSAGES)
        if slot.granted:
            granted.append(now + slot.wait)
        else:
            now += slot.wait
    for first in granted:
        assert sum(first <= slot < first + 10 for slot in granted) <= 110
    assert len(granted) >= 0.975 * 110 * 6


def test_many_callers_lose_no_slot_and_double_none(limiter: Limiter, redis_url: str) -> None:
    interval, each = 0.01 / SHARE, 50

    def take(_: int) -> None:
        for _ in range(each):
            assert limiter.reserve("b", rate=100, seconds=1, horizon=Horizon.STATUSES).granted

    with redis.Redis.from_url(redis_url) as looking, ThreadPoolExecutor(8) as pool:
        before = as_seconds(looking.time())
        take(0)
        after = as_seconds(looking.time())
        list(pool.map(take, range(8)))
        free = int(str(looking.get("relay:limit:b"), "ascii")) / 1e6  # when the next slot is
    assert before - 0.001 <= free - 9 * each * interval <= after + 0.001


def as_seconds(moment: tuple[int, int]) -> float:
    """Redis' time as seconds since 1970."""
    return moment[0] + moment[1] / 1e6


def test_nothing_is_reserved_while_redis_is_away_and_a_window_passes_after_it_lost_everything(
    limiter: Limiter, redis_server: RedisServer
) -> None:
    assert reserve(limiter).granted
    redis_server.kill()
    for _ in range(5):
        with pytest.raises(LimiterAway):
            reserve(limiter)
    redis_server.start()
    while True:
        try:
            first = limiter.reserve("b", rate=10, seconds=9, horizon=Horizon.STATUSES)
        except LimiterAway:
            continue
        break
    assert first.granted
    assert 8.5 < first.wait <= 9


def saturated(steps: int, *, rate: int, seconds: float, horizon: Horizon, wiped_at: int) -> list[float]:
    """Take every slot that is to be had in so many seconds; Redis forgets everything half a second after a look."""
    fake = fakeredis.FakeRedis()
    limiter, granted = Limiter("", client=fake), list[float]()
    limiter.trust()
    for moment in sorted([*range(steps), wiped_at + 0.5]):
        if moment == wiped_at + 0.5:
            fake.flushall()
        with time_machine.travel(START + moment, tick=False):
            while (slot := limiter.reserve("b", rate=rate, seconds=seconds, horizon=horizon)).granted:
                granted.append(START + moment + slot.wait)
    return granted


def busiest(slots: list[float], seconds: float) -> int:
    """The most slots in any window; rounded, because a slot is told in microseconds."""
    return max(sum(first <= slot < first + seconds - 0.001 for slot in slots) for first in slots)


@settings(deadline=None, max_examples=30)
@given(rate=some.integers(1, 120), wiped_at=some.integers(0, 12))
def test_a_wipe_lets_no_window_exceed_the_limit(rate: int, wiped_at: int) -> None:
    slots = saturated(25, rate=rate, seconds=10, horizon=Horizon.MESSAGES, wiped_at=wiped_at)
    assert busiest(slots, 10) <= rate


@pytest.mark.parametrize(
    ("seconds", "horizon"),
    [
        (1, Horizon.MESSAGES),
        (10, Horizon.STATUSES),
    ],
)
def test_a_wipe_forgets_no_slot_that_was_booked_far_ahead(seconds: float, horizon: Horizon) -> None:
    slots = saturated(60, rate=30, seconds=seconds, horizon=horizon, wiped_at=5)
    assert busiest(slots, seconds) <= 30


def test_each_kind_of_work_books_only_as_far_ahead_as_it_may_and_the_urgent_goes_first() -> None:
    limiter, waits = on_fake_redis(), dict[Horizon, list[float]]()
    limiter.trust()
    with time_machine.travel(START, tick=False):
        for horizon in Horizon:
            waits[horizon] = []
            while (slot := limiter.reserve("b", rate=110, seconds=10, horizon=horizon)).granted:
                waits[horizon].append(slot.wait)
        assert not reserve_at(limiter, Horizon.MESSAGES).granted
    before = 0.0
    for horizon in Horizon:
        assert before <= min(waits[horizon])
        assert max(waits[horizon]) < horizon.value
        assert len(waits[horizon]) == pytest.approx((horizon.value - before) * 11 * SHARE, abs=1)
        before = horizon.value


def reserve_at(limiter: Limiter, horizon: Horizon) -> Slot:
    return limiter.reserve("b", rate=110, seconds=10, horizon=horizon)
