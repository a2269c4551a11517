"""The simulated world: everything in memory, under one lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from app.simulator.calls import Calls
from app.simulator.clock import Clock, Ids
from app.simulator.delivery import Delivery
from app.simulator.events import Events
from app.simulator.faults import Faults
from app.simulator.hubspot.state import HubSpotState
from app.simulator.switches import Switches


class World:
    """Clock, ids, switches, faults, events, calls, webhook delivery and HubSpot's state.

    Take `lock` (re-entrant) around every read or change of state. Other simulated services keep their state to
    themselves and register `on_reset`.
    """

    def __init__(self, *, seed: int | None = None, switches: Switches | None = None) -> None:
        """`seed` makes ids and chances repeatable."""
        self._seed = seed
        self._start_switches = switches or Switches()
        self._switches = self._start_switches
        self._resets: list[Callable[[], None]] = []
        self.lock = threading.RLock()
        self.clock = Clock()
        self.ids = Ids(seed)
        self.events = Events()
        self.calls = Calls(self.clock.now)
        self.faults = Faults(seed=seed, changed=self._faults_changed)
        self.delivery = Delivery(
            self.faults,
            publish=self.events.publish,
            time_scale=lambda: self._switches.webhook_time_scale,
            now=self.clock.now,
        )
        self.hubspot = HubSpotState()
        # Address under which clients reach this simulator; the server sets it.
        self.base_url = "http://127.0.0.1"

    @property
    def switches(self) -> Switches:
        """The switches as they stand; change them with `switch`."""
        return self._switches

    def switch(self, **changes: Any) -> Switches:
        """Change some switches.

        Raises:
            pydantic.ValidationError: an unknown switch or a value that is not allowed; nothing changes then.
        """
        with self.lock:
            self._switches = Switches.model_validate({**self._switches.model_dump(), **changes})
        self.events.publish("switches_changed", self._switches.model_dump(mode="json"))
        return self._switches

    def advance(self, seconds: float) -> None:
        """Move the clock forward, and with it every webhook that waits for its next attempt."""
        self.clock.advance(seconds)
        self.delivery.advance(seconds * self._switches.webhook_time_scale)

    def on_reset(self, forget: Callable[[], None]) -> None:
        """Have `forget` called, with the lock held, when the world is emptied."""
        self._resets.append(forget)

    def reset(self) -> None:
        """Empty the world: state, faults, switches, clock, waiting webhooks. Ids go on, so that nothing old returns."""
        self.faults.reset()  # first: what is slow now must not wake up in the next world
        with self.lock:
            self.delivery.reset()
            self.calls.clear()
            self.hubspot = HubSpotState()
            self._switches = self._start_switches
            self.clock.reset()
            for forget in self._resets:
                forget()
        self.events.publish("reset", {})

    def close(self) -> None:
        """End the event streams and the background threads."""
        self.events.close()
        self.delivery.close()

    def _faults_changed(self) -> None:
        self.events.publish("faults_changed", {"faults": self.faults.list()})
