"""The app's conversation subscriptions: arrays of events to an address of their own, and what agents do to cause them.

[D] Up to a hundred events in one post, with v3 and v1 signatures; the switch ``conversation_events`` sends them.
"""

from __future__ import annotations

import json
from typing import Any

from app.simulator.hubspot import webhooks
from app.simulator.hubspot.state import App, Thread
from app.simulator.world import World

PROPERTY_CHANGE = "conversation.propertyChange"


def fire(world: World, thread: Thread, subscription: str, **extra: Any) -> None:
    """Tell the app of something that happened to a thread, where the switch is on. Call with the lock held."""
    app = app_of(world, thread)
    if app is not None and world.switches.conversation_events:
        send(world, app, [event(world, app, thread, subscription, **extra)])


def event(world: World, app: App, thread: Thread, subscription: str, **extra: Any) -> dict[str, Any]:
    """One event. [D] ``eventId`` is not promised to be unique."""
    return {
        "eventId": int(world.ids.number()),
        "subscriptionId": 1,
        "portalId": int(thread.portal_id),
        "appId": int(app.id) if app.id.isdecimal() else 0,
        "occurredAt": world.clock.milliseconds(),
        "subscriptionType": subscription,
        "attemptNumber": 0,
        "objectId": int(thread.id),
        "changeFlag": "NEW_VERSION",
        **extra,
    }


def send(world: World, app: App, events: list[Any]) -> str:
    """Post an array of events, whatever is in it, and return the delivery's id."""
    label = str(events[0].get("subscriptionType", "")) if events and isinstance(events[0], dict) else "events"
    body = json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode()
    return webhooks.send_raw(world, app, app.events_url, body=body, label=label, legacy="v1")


def app_of(world: World, thread: Thread) -> App | None:
    """The app that hears of a thread, if it has an address for that."""
    channel = world.hubspot.channels.get(thread.channel_id)
    app = world.hubspot.apps.get(channel.app_id) if channel else None
    return app if app is not None and app.events_url else None


def archive(world: World, thread: Thread, *, archived: bool) -> None:
    """An agent puts the conversation away, or takes it out again."""
    thread.archived = archived
    fire(world, thread, PROPERTY_CHANGE, propertyName="isArchived", propertyValue=str(archived).lower())


def erase(world: World, thread: Thread) -> None:
    """A person asked to be forgotten: the thread and its messages are gone for good."""
    fire(world, thread, "conversation.privacyDeletion")
    for message in thread.messages:
        world.hubspot.messages.pop(message.id, None)
    world.hubspot.threads.pop(thread.id, None)
