"""Checks of what stands around the relay: broker, Redis, HubSpot, and everybody's clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import redis

from app.errors import HubSpotUnavailable, RelayError
from app.relay.findings import Finding, Level
from app.relay.services import Services
from app.relay.spans import span
from app.storage import lanes

#: Clocks this far apart (seconds) are worth a word; HubSpot's signatures are refused at 300.
_SKEW_SEEN, _SKEW_BAD = 5.0, 60.0


def broker(services: Services) -> Iterator[Finding]:
    """Look at the doorbell's broker."""
    if services.doorbell.is_answering():
        yield Finding("broker", Level.OK, "The broker answers.")
    else:
        fix = "Start it, or correct RELAY_BROKER_URL. Messages are accepted meanwhile, but none is delivered."
        yield Finding("broker", Level.FAIL, "The broker does not answer.", fix)


def limiter(services: Services) -> Iterator[Finding]:
    """Look at the Redis of the rate limits."""
    if services.limiter is not None:
        yield redis_finding(services.settings.limiter_url)


def redis_finding(url: str) -> Finding:
    """Return what is to be said about the limiter's Redis."""
    client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    try:
        memory = client.info("memory")
    except (redis.RedisError, OSError) as error:
        if isinstance(error, redis.ResponseError):
            return Finding("limiter", Level.OK, "Redis answers, and does not tell its memory policy.")
        fix = "Start it, or correct RELAY_REDIS_URL. Nothing is delivered meanwhile, because limits cannot be kept."
        return Finding("limiter", Level.FAIL, f"The limiter's Redis does not answer ({type(error).__name__}).", fix)
    finally:
        client.close()
    policy = str(memory.get("maxmemory_policy", "unknown"))
    if policy in {"noeviction", "unknown"} or not memory.get("maxmemory"):
        return Finding("limiter", Level.OK, f"Redis answers; maxmemory-policy {policy}.")
    fix = "Set maxmemory-policy to noeviction: an evicted key is a forgotten rate limit."
    return Finding("limiter", Level.WARN, f"Redis answers; maxmemory-policy {policy}.", fix)


def hubspot(services: Services) -> Iterator[Finding]:
    """Look at HubSpot's API and its clock. Any answer will do."""
    address = services.settings.hubspot_api_url
    try:
        answer = services.http.request("GET", address, unavailable=HubSpotUnavailable)
    except RelayError as error:
        fix = "Look at this machine's network, proxy and RELAY_HUBSPOT_API_URL."
        yield Finding("hubspot", Level.FAIL, f"HubSpot cannot be reached: {error}", fix)
        return
    yield Finding("hubspot", Level.OK, f"{urlsplit(address).hostname} answers in {answer.elapsed:.2f} s.")
    theirs = _seconds(answer.headers.get("date", ""))
    if theirs is not None:
        yield skew("hubspot_clock", "HubSpot's", theirs, time.time())


def _seconds(date: str) -> float | None:
    """Read an HTTP date, None where there is none. It has no fractions: on average it is half a second old."""
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5
    except ValueError:
        return None


def skew(check: str, whose: str, theirs: float, ours: float) -> Finding:
    """Compare two clocks, in seconds since 1970."""
    apart = abs(theirs - ours)
    if apart < _SKEW_SEEN:
        return Finding(check, Level.OK, f"This machine's clock and {whose} agree.")
    level = Level.FAIL if apart >= _SKEW_BAD else Level.WARN
    fix = "Let both keep time by NTP: signatures of webhooks are refused when clocks differ by five minutes."
    return Finding(check, level, f"This machine's clock and {whose} are {span(apart)} apart.", fix)


def clock(services: Services) -> Iterator[Finding]:
    """Compare the database's clock with this machine's."""
    with services.database.read() as connection:
        theirs = lanes.clock(connection)
    yield skew("database_clock", "the database's", theirs, time.time())
