"""What a test or a bench may ask at the end: did the client keep the rules?"""

from __future__ import annotations

from collections import Counter
from typing import Any

from app.simulator.hubspot.limits import busiest_window
from app.simulator.hubspot.state import Direction, Message, StatusType
from app.simulator.world import World


def report(world: World) -> dict[str, Any]:
    """The facts since the last reset.

    `max_calls_in_window` counts every call that carried a valid token, refused ones too, per app and portal.
    """
    with world.lock:
        observed = world.hubspot.observed
        messages = [message for message in world.hubspot.messages.values() if message.type == "MESSAGE"]
        window = world.switches.rate_window
        return {
            "duplicate_messages": _duplicates(messages),
            "duplicate_publishes": observed.duplicate_publishes,
            "max_calls_in_window": {
                "/".join(key): busiest_window(moments, window) for key, moments in observed.calls.items()
            },
            "calls": {"/".join(key): len(moments) for key, moments in observed.calls.items()},
            "rate_limit": world.switches.rate_limit,
            "refreshes": dict(observed.refreshes),
            "untouched_statuses": [message.id for message in messages if _untouched(message)],
            "bearer_at_file_host": observed.bearer_at_file_host,
            "hapikey_on_oauth_endpoints": observed.key_on_oauth_endpoint,
        }


def _duplicates(messages: list[Message]) -> list[str]:
    """Idempotency ids with more than one message on their account."""
    counted = Counter((message.account_id, message.idempotency_id) for message in messages if message.idempotency_id)
    return [str(key[1]) for key, count in counted.items() if count > 1]


def _untouched(message: Message) -> bool:
    """A message of an agent about which the integration never said anything."""
    from_agent = message.direction is Direction.OUTGOING and message.integration_app_id is None
    return from_agent and message.status is StatusType.SENT and not message.status_patches
