"""What a test or a bench may ask at the end: did the client keep the rules?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from app.simulator.hubspot.limits import busiest_window
from app.simulator.hubspot.state import Direction, Message, StatusType
from app.simulator.world import World


def report(world: World, excused: Collection[str] = ()) -> dict[str, Any]:
    """The facts since the last reset, and under `broken` a sentence for each rule that was not kept.

    `max_calls_in_window` counts every call that carried a valid token, refused ones too, per app and portal.
    `excused`: messages of agents that may stay without a status, for a reason that the test knows.
    """
    with world.lock:
        observed = world.hubspot.observed
        messages = [message for message in world.hubspot.messages.values() if message.type == "MESSAGE"]
        window = world.switches.rate_window
        found = {
            "duplicate_messages": _duplicates(messages),
            "duplicate_publishes": observed.duplicate_publishes,
            "max_calls_in_window": {
                "/".join(key): busiest_window(moments, window) for key, moments in observed.calls.items()
            },
            "calls": {"/".join(key): len(moments) for key, moments in observed.calls.items()},
            "rate_limit": world.switches.rate_limit,
            "refreshes": dict(observed.refreshes),
            "untouched_statuses": [one.id for one in messages if _untouched(one) and one.id not in excused],
            "bearer_at_file_host": observed.bearer_at_file_host,
            "hapikey_on_oauth_endpoints": observed.key_on_oauth_endpoint,
        }
        return {**found, "broken": list(_broken(found))}


def secrets_in(world: World, text: str) -> list[str]:
    """Which kinds of secret of this world a text holds, logs for instance."""
    with world.lock:
        state = world.hubspot
        kinds = {
            "client secret": [app.client_secret for app in state.apps.values()],
            "developer key": [app.developer_key for app in state.apps.values()],
            "access token": list(state.access_tokens),
            "refresh token": list(state.refresh_tokens),
            "authorization code": list(state.codes),
            "staging token": list(state.staging),
        }
    return [kind for kind, values in kinds.items() if any(value and value in text for value in values)]


def _broken(found: dict[str, Any]) -> Iterator[str]:
    if found["duplicate_messages"]:
        yield f"Idempotency ids with two messages: {found['duplicate_messages']}"
    if found["untouched_statuses"]:
        yield f"Agents' messages without a verdict: {found['untouched_statuses']}"
    if found["bearer_at_file_host"]:
        yield "A bearer token was sent to a file host."
    if found["hapikey_on_oauth_endpoints"]:
        yield "The developer key was sent to an endpoint that takes tokens."
    for who, most in found["max_calls_in_window"].items():
        if most > found["rate_limit"]:
            yield f"{most} calls in one window by {who}, more than {found['rate_limit']}"


def _duplicates(messages: list[Message]) -> list[str]:
    """Idempotency ids with more than one message on their account."""
    counted = Counter((message.account_id, message.idempotency_id) for message in messages if message.idempotency_id)
    return [str(key[1]) for key, count in counted.items() if count > 1]


def _untouched(message: Message) -> bool:
    """A message of an agent about which the integration never said anything."""
    from_agent = message.direction is Direction.OUTGOING and message.integration_app_id is None
    return from_agent and message.status is StatusType.SENT and not message.status_patches
