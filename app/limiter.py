"""Rate limits across all workers: a slot is reserved, nobody waits here.

GCRA with a burst of one: a bucket is one number, the time at which its next slot is free. A reservation takes that
time, or now if it is past, and moves the number on by one interval. All of it is one script on Redis, by Redis' own
clock, so processes and machines need not agree about anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

#: Of a limit so much is used: calls are not on the wire in the very moment of their slot.
SHARE: Final = 0.98

#: A Redis that does not answer within this time (seconds) is away...
_TIMEOUT = 0.5
#: ...and is not asked again for so long, by any thread of this process.
_QUIET = 1.0

_PREFIX = "relay:limit:"
#: Holds the time at which the limiter found this Redis empty; it never expires. Slots that others reserved before a
#: wipe are unknown, so for one window after that time every bucket counts as used up.
_BORN = "relay:limit"

_TIME = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function hold(free)
  redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', string.format('%.0f', (free - now) / 1000 + 1))
end
"""

#: In microseconds: the window, the interval, the horizon. Returns whether a slot was reserved, and the wait.
_RESERVE = f"""{_TIME}
local window, interval, horizon = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local born = tonumber(redis.call('GET', KEYS[2]) or nil)
if not born then
  born = now
  redis.call('SET', KEYS[2], string.format('%.0f', now))
end
local free = tonumber(redis.call('GET', KEYS[1]) or nil) or math.min(born, now) + window
local slot = math.max(now, free)
if slot - now >= horizon then
  return {{0, string.format('%.0f', slot - now - horizon)}}
end
hold(slot + interval)
return {{1, string.format('%.0f', slot - now)}}
"""

#: In microseconds: no slot is free before so much time has passed.
_BLOCK = f"""{_TIME}
local free = math.max(now + tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or nil) or 0)
if free > now then
  hold(free)
end
"""


class LimiterAway(Exception):
    """Redis does not answer. Nothing can be reserved; ask again in two seconds."""


class Horizon(Enum):
    """How far ahead (seconds) a kind of work may book: what is urgent reaches farther, so it goes first.

    None reaches farther than HubSpot's window: that long everybody rests after a wipe, which forgets what was booked.
    """

    RECONCILE = 0.5
    MESSAGES = 1.0
    STATUSES = 10.0


@dataclass(frozen=True)
class Slot:
    """``granted``: the call may be made in ``wait`` seconds. Else nothing is reserved; ask again after ``wait``."""

    granted: bool
    wait: float


class Limiter:
    """Reserves slots in buckets. One instance serves all threads of a process."""

    def __init__(self, url: str, *, client: redis.Redis | None = None) -> None:
        """Prepare the connection to a Redis, or take one; nothing is opened before the first call."""
        self._redis = client or redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            # Once: a connection that Redis closed while it idled. More would be a storm.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._reserve = self._redis.register_script(_RESERVE)
        self._block = self._redis.register_script(_BLOCK)
        self._quiet_until = 0.0

    def reserve(self, bucket: str, *, rate: int, seconds: float, horizon: Horizon) -> Slot:
        """Reserve the next free slot of a bucket that allows ``rate`` calls in ``seconds``.

        Raises:
            LimiterAway: Redis does not answer.
        """
        interval = seconds / (rate * SHARE)
        arguments = [_micro(seconds), _micro(interval), _micro(horizon.value)]
        granted, wait = self._run(self._reserve, [_PREFIX + bucket, _BORN], arguments)
        if granted:
            return Slot(granted=True, wait=int(wait) / 1e6)
        return Slot(granted=False, wait=max(int(wait) / 1e6, interval))

    def penalise(self, bucket: str, seconds: float) -> None:
        """Let no slot of a bucket be free for so long, after the other side said so.

        Raises:
            LimiterAway: Redis does not answer.
        """
        self._run(self._block, [_PREFIX + bucket], [_micro(seconds)])

    def observe(self, bucket: str, *, remaining: int, limit: int, window: float) -> None:
        """Take over what the other side says: ``remaining`` calls of ``limit`` in ``window`` seconds.

        Alone we leave a fiftieth of a limit over. Where less is left somebody else spends it too, and the bucket rests
        for a tenth of the window; the next answer tells whether that was enough.

        Raises:
            LimiterAway: Redis does not answer.
        """
        if remaining < limit // 50:
            self.penalise(bucket, window / 10)

    def trust(self) -> None:
        """Take an empty Redis for a new one: nothing was ever reserved there, so no window has to pass first.

        Raises:
            LimiterAway: Redis does not answer.
        """
        self._guarded(lambda: self._redis.set(_BORN, 0, nx=True))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _run(self, script: Script, keys: list[str], arguments: list[int]) -> list[int]:
        answer = self._guarded(lambda: script(keys=keys, args=arguments))
        return [int(number) for number in answer or ()]

    def _guarded(self, ask: Callable[[], Any]) -> Any:
        """Ask Redis, unless it just did not answer somebody else."""
        if time.monotonic() < self._quiet_until:
            raise LimiterAway("Redis did not answer a moment ago.")
        try:
            return ask()
        except (redis.RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + _QUIET
            raise LimiterAway(f"Redis does not answer: {type(error).__name__}.") from error


def _micro(seconds: float) -> int:
    return round(seconds * 1e6)
