from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from app.relay.errands import Errands


@pytest.fixture
def errands() -> Iterator[Errands]:
    made = Errands()
    yield made
    made.close()


def test_errands_are_run_in_their_order_and_one_that_raises_ends_none(errands: Errands) -> None:
    done: list[int] = []

    def fail() -> None:
        raise ValueError

    errands.offer(lambda: done.append(1))
    errands.offer(fail)
    errands.offer(lambda: done.append(2))
    errands.finish()
    assert done == [1, 2]


def test_while_one_is_slow_the_oldest_are_dropped(errands: Errands) -> None:
    going_on, begun, done = threading.Event(), threading.Event(), []

    def wait() -> None:
        begun.set()
        going_on.wait(5)

    errands.offer(wait)
    assert begun.wait(5)
    for number in range(150):
        errands.offer(lambda number=number: done.append(number))  # type: ignore[misc]
    going_on.set()
    errands.finish()
    assert done == list(range(50, 150))


def test_what_is_left_at_the_end_is_forgotten() -> None:
    errands, done = Errands(), []
    errands.close()
    errands.offer(lambda: done.append(1))
    errands.finish()
    assert done == []
