from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.errors import HubSpotUnavailable, RateLimited, Rejected, Transient
from app.limiter import Horizon
from app.relay import pace
from app.relay.pace import NOW, Slot
from app.relay.reconcile import paced
from app.relay.reconcile.paced import Interrupted, Paced
from app.simulator import seed
from tests.app.relay.world import RelayWorld

PORTAL = int(seed.PORTAL_ID)


class Rests(threading.Event):
    """Notes how long somebody would rest, and lets no time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return self.is_set()


def failing(*errors: Exception) -> Callable[[], str]:
    """A call that raises these first."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


def slots(monkeypatch: pytest.MonkeyPatch, *granted: Slot) -> list[Horizon]:
    """Let these slots be granted, one after the other, the last one for ever."""
    asked: list[Horizon] = []
    left = list(granted)

    def portal(_services: object, _portal_id: int, *, horizon: Horizon) -> Slot:
        asked.append(horizon)
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(pace, "portal", portal)
    return asked


@pytest.fixture
def rests() -> Rests:
    return Rests()


def test_a_call_waits_for_its_slot_behind_all_others(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch, rests: Rests
) -> None:
    asked = slots(monkeypatch, Slot(0.2, reserved=False), Slot(0.4))
    assert Paced(light_relay.services, PORTAL, stop=rests)(failing()) == "done"
    assert (rests.seconds, set(asked)) == ([0.2, 0.4], {Horizon.RECONCILE})


def test_what_failed_is_tried_again_with_patience(light_relay: RelayWorld, rests: Rests) -> None:
    call = Paced(light_relay.services, PORTAL, stop=rests)
    assert call(failing(Transient("down"), HubSpotUnavailable("down", retry_after=7))) == "done"
    assert rests.seconds == [paced._RETRY_DELAYS[0], 7]  # noqa: SLF001 - the table itself
    with pytest.raises(Transient, match="last"):
        call(failing(*[Transient("down")] * 3, Transient("last")))


@pytest.mark.parametrize("error", [Rejected("no"), HubSpotUnavailable("moving", retry_after=3_600)])
def test_what_is_final_or_takes_too_long_is_not(light_relay: RelayWorld, rests: Rests, error: Exception) -> None:
    with pytest.raises(type(error)):
        Paced(light_relay.services, PORTAL, stop=rests)(failing(error))
    assert rests.seconds == []


def test_a_portal_without_any_room_is_given_up(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch, rests: Rests
) -> None:
    monkeypatch.setattr(paced, "_LONGEST_WAIT", 0.0)
    slots(monkeypatch, Slot(0.5, reserved=False))
    with pytest.raises(RateLimited, match="try again when it is quiet") as caught:
        Paced(light_relay.services, PORTAL, stop=rests)._once(failing())  # noqa: SLF001 - one try of it
    assert caught.value.reason == "no_room"


def test_hubspot_that_asks_to_slow_down_is_obeyed_by_everybody(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch, rests: Rests
) -> None:
    told: list[float] = []
    monkeypatch.setattr(pace, "penalise_hubspot", lambda _services, _portal, seconds: told.append(seconds))
    call = Paced(light_relay.services, PORTAL, stop=rests)
    refreshing = RateLimited("refreshing", retry_after=0.5, code="token_refreshing")
    assert call(failing(RateLimited("slow down", retry_after=2), refreshing)) == "done"
    assert told == [2]


def test_it_ends_between_two_calls(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch, rests: Rests) -> None:
    slots(monkeypatch, NOW)
    rests.set()
    with pytest.raises(Interrupted):
        Paced(light_relay.services, PORTAL, stop=rests)(failing())
