"""The connect pop-ups that are open, and how they end without an account. Call all of it with the lock held."""

from __future__ import annotations

from dataclasses import dataclass

from app.simulator.hubspot.errors import not_found
from app.simulator.hubspot.state import StagingToken
from app.simulator.world import World

#: The settings page shows so many, the latest.
SHOWN = 5


@dataclass(frozen=True)
class Window:
    """A pop-up that has not come back: its token, for which inbox, since when (ISO 8601), and how far it has come."""

    token: str
    inbox_id: str
    since: str
    state: str
    is_open: bool


def of_portal(world: World, portal_id: str) -> list[Window]:
    """The portal's pop-ups that have not led to an account, the latest first."""
    found = [one for one in world.hubspot.staging.values() if one.portal_id == portal_id and not one.used]
    return [_window(world, one) for one in found[: -SHOWN - 1 : -1]]


def close(world: World, token: str) -> None:
    """The admin closes the window half way. [U] whether HubSpot takes its token still: a switch."""
    staging = _find(world, token)
    staging.closed = True
    _changed(world, staging)


def expire(world: World, token: str) -> None:
    """The window stays open for longer than its token lives."""
    staging = _find(world, token)
    staging.created_at = world.clock.now() - world.switches.staging_token_seconds
    _changed(world, staging)


def is_alive(world: World, staging: StagingToken) -> bool:
    """Whether HubSpot still takes a token: [U] its life and what closing its window does are switches."""
    young = world.clock.now() < staging.created_at + world.switches.staging_token_seconds
    gone = staging.closed and world.switches.closed_window_token == "gone"  # noqa: S105 - a switch
    return young and not gone and not staging.used


def _window(world: World, staging: StagingToken) -> Window:
    filled = "filled in, not come back" if staging.account_name is not None else "waiting"
    too_old = world.clock.now() >= staging.created_at + world.switches.staging_token_seconds
    state = "closed" if staging.closed else "expired" if too_old else filled
    since = world.clock.iso(staging.created_at)
    return Window(staging.token, staging.inbox_id, since, state, is_open=not staging.closed and not too_old)


def _find(world: World, token: str) -> StagingToken:
    staging = world.hubspot.staging.get(token)
    if staging is None or staging.used:
        raise not_found("No window with this token is open.")
    return staging


def _changed(world: World, staging: StagingToken) -> None:
    world.events.publish("settings_changed", {"portal": staging.portal_id})
