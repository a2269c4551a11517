from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import OperationalError

from app.relay import reconcile, schedule
from app.relay.reconcile.paced import Interrupted
from app.relay.services import Services
from tests.app.relay.conftest import light_relay, relay_simulator
from tests.app.relay.world import RelayWorld, eventually
from workers import scheduler

__all__ = ["light_relay", "relay_simulator"]


@contextmanager
def running(services: Services) -> Iterator[None]:
    """Run the scheduler in a thread until the end of the block."""
    stop = threading.Event()
    thread = threading.Thread(target=scheduler.run, args=(services, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def counting(errors: list[Exception], looks: list[float]) -> Callable[[Services], float]:
    """Looks that raise these errors first."""

    def look(_services: Services) -> float:
        looks.append(time.monotonic())
        if errors:
            raise errors.pop(0)
        return 0.01

    return look


def test_it_ends_at_once_when_it_is_told_to(light_relay: RelayWorld) -> None:
    started = time.monotonic()
    with running(light_relay.services):
        pass
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "error", [OperationalError("", None, Exception("away")), KeyError("surprise")], ids=["database away", "a bug"]
)
def test_it_survives_an_error_of_one_look(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    looks: list[float] = []
    monkeypatch.setattr(scheduler, "_AWAY", 0.02)
    monkeypatch.setattr(schedule, "look", counting([error], looks))
    with running(light_relay.services):
        eventually(lambda: len(looks) > 2)
    assert looks[1] - looks[0] >= 0.02


def test_it_measures_and_cleans_up_now_and_then(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(scheduler, "_CLEAN_UP", 0.01)
    monkeypatch.setattr(scheduler, "_MEASURE", 0.01)
    monkeypatch.setattr(schedule, "look", counting([], []))
    monkeypatch.setattr(schedule, "clean_up", lambda _: done.append("clean_up"))
    monkeypatch.setattr(schedule, "measure", lambda _: done.append("measure"))
    with running(light_relay.services):
        eventually(lambda: set(done) == {"clean_up", "measure"})


def test_it_compares_with_hubspot_beside_its_looks_whatever_happens(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    runs: list[str] = []
    errors: list[Exception] = [KeyError("surprise"), OperationalError("", None, Exception("away"))]

    def run_due(_services: Services, _stop: threading.Event) -> None:
        runs.append(threading.current_thread().name)
        if errors:
            raise errors.pop(0)
        if len(runs) > 3:
            raise Interrupted

    monkeypatch.setattr(scheduler, "_COMPARE", 0.01)
    monkeypatch.setattr(reconcile, "run_due", run_due)
    scheduler.compare(light_relay.services, stop)
    assert len(runs) == 4
    stop.set()
    scheduler.compare(light_relay.services, stop)
    assert len(runs) == 4
