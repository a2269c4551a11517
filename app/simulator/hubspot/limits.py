"""Rate limits. [D] 110 calls in any ten seconds for one app and portal, told by headers on every answer."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

from flask import Response, g

from app.simulator.hubspot.errors import rate_limited
from app.simulator.hubspot.observed import CALLS_KEPT
from app.simulator.world import World


def charge(world: World, app_id: str, portal_id: str) -> None:
    """Count a call; call with the world's lock held.

    [I] A refused call does not use up the window.

    Raises:
        ApiError: 429 when the rolling window or the day is full.
    """
    key = (app_id, portal_id)
    observed = world.hubspot.observed
    now = world.clock.now()
    observed.calls.setdefault(key, deque(maxlen=CALLS_KEPT)).append(now)
    granted = observed.granted.setdefault(key, deque())
    while granted and granted[0] <= now - world.switches.rate_window:
        granted.popleft()
    g.rate_remaining = max(0, world.switches.rate_limit - len(granted) - 1)
    if len(granted) >= world.switches.rate_limit:
        wait = int(granted[0] + world.switches.rate_window - now) + 1
        raise rate_limited(world, "TEN_SECONDLY_ROLLING", retry_after=wait if world.switches.rate_retry_after else None)
    granted.append(now)
    _charge_day(world, portal_id, now)


def announce(response: Response, world: World) -> Response:
    """Add the rate headers where the call was counted."""
    remaining: int | None = g.pop("rate_remaining", None)
    if remaining is not None:
        window = int(world.switches.rate_window * 1000)
        response.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = str(window)
        response.headers["X-HubSpot-RateLimit-Max"] = str(world.switches.rate_limit)
        response.headers["X-HubSpot-RateLimit-Remaining"] = str(remaining)
    return response


def busiest_window(moments: deque[float], seconds: float) -> int:
    """The most calls in any window of so many seconds."""
    window: deque[float] = deque()
    most = 0
    for moment in moments:
        window.append(moment)
        while window[0] <= moment - seconds:
            window.popleft()
        most = max(most, len(window))
    return most


def _charge_day(world: World, portal_id: str, now: float) -> None:
    limit = world.switches.daily_limit
    day = (portal_id, datetime.fromtimestamp(now, UTC).date().isoformat())
    world.hubspot.observed.daily[day] += 1
    if limit and world.hubspot.observed.daily[day] > limit:
        raise rate_limited(world, "DAILY")
