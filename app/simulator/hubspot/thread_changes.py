"""[D] What the conversations API changes of a thread beyond its status: assignee and deletion."""

from __future__ import annotations

from typing import Any

from flask import Response

from app.simulator.hubspot import desk
from app.simulator.hubspot.bodies import Body, read
from app.simulator.hubspot.conversations import WRITERS
from app.simulator.hubspot.errors import not_found
from app.simulator.hubspot.routing import CONVERSATIONS, Call, Router, no_content
from app.simulator.hubspot.state import Thread
from app.simulator.hubspot.views import thread_view


class Assignee(Body):
    """Who takes a thread."""

    actorId: str  # noqa: N815 - HubSpot's word


def register(router: Router) -> None:
    """Add the endpoints."""
    router.add("PUT", CONVERSATIONS, "/threads/<thread_id>/assignee", assign, scopes=WRITERS)
    router.add("DELETE", CONVERSATIONS, "/threads/<thread_id>/assignee", unassign, scopes=WRITERS)
    router.add("DELETE", CONVERSATIONS, "/threads/<thread_id>", delete, scopes=WRITERS)


def assign(call: Call, thread_id: str) -> dict[str, Any]:
    """Give the thread to an agent."""
    thread = _thread(call, thread_id)
    desk.assign(call.world, thread, read(Assignee).actorId, by=f"I-{call.app_id}")
    return thread_view(thread, call.world.clock)


def unassign(call: Call, thread_id: str) -> Response:
    """Give the thread to nobody."""
    desk.assign(call.world, _thread(call, thread_id), None, by=f"I-{call.app_id}")
    return no_content()


def delete(call: Call, thread_id: str) -> Response:
    """Archive the thread."""
    desk.delete(call.world, _thread(call, thread_id))
    return no_content()


def _thread(call: Call, thread_id: str) -> Thread:
    thread = call.state.threads.get(thread_id)
    if thread is None or thread.portal_id != call.portal_id:
        raise not_found()
    return thread
