"""One instance of a simulated service per world, found again by every blueprint that needs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary, ref

from app.simulator.world import World


class Service(Protocol):
    """A simulated service that keeps its own state."""

    def forget(self) -> None:
        """Empty the state; called with the world's lock held."""


T = TypeVar("T", bound=Service)


class Resident(Generic[T]):
    """Calling it with a world returns that world's instance, made at the first call."""

    def __init__(self, make: Callable[[World], T]) -> None:
        """`make` builds the service."""
        self._make = make
        # Weak on both sides: the world itself keeps the service, through its reset hook.
        self._found: WeakKeyDictionary[World, ref[T]] = WeakKeyDictionary()

    def __call__(self, world: World) -> T:
        """The world's instance."""
        with world.lock:
            known = self._found.get(world)
            service = known() if known is not None else None
            if service is None:
                service = self._make(world)
                world.on_reset(service.forget)
                self._found[world] = ref(service)
            return service
