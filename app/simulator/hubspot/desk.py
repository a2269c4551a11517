"""Who takes care of a thread, and where it lies: owner, team, inbox, deletion. Call all of it with the lock held."""

from __future__ import annotations

from app.simulator.hubspot import subscriptions, threads
from app.simulator.hubspot.errors import ApiError, not_found
from app.simulator.hubspot.state import Inbox, Thread
from app.simulator.world import World


def assign(world: World, thread: Thread, owner: str | None, *, by: str) -> None:
    """Give a thread to an agent, or to nobody. [D] The note and the event `assignedTo`.

    Raises:
        ApiError: 400 for somebody who is no agent of the portal.
    """
    actor = world.hubspot.portals[thread.portal_id].actors.get(owner or "")
    if owner is not None and (actor is None or actor.type != "AGENT"):
        raise ApiError(400, "The assignee must be an agent of this account", context={"actorId": [owner]})
    if owner == thread.assigned_to:
        return
    before, thread.assigned_to = thread.assigned_to, owner
    threads.note(world, thread, "ASSIGNMENT", by=by, assignedTo=owner, assignedFrom=before)
    threads.changed(world, thread)
    subscriptions.fire(
        world, thread, "conversation.propertyChange", propertyName="assignedTo", propertyValue=owner or ""
    )


def give_to_team(world: World, thread: Thread, team: str | None) -> None:
    """Put a thread before a team, or take it away again; [I] the API shows owners only.

    Raises:
        ApiError: 404 for a team that the portal does not have.
    """
    if team is not None and team not in world.hubspot.portals[thread.portal_id].teams:
        raise not_found("The team does not exist.")
    thread.team_id = team
    threads.changed(world, thread)


def move(world: World, thread: Thread, inbox: Inbox) -> None:
    """Move a thread to another inbox or to the help desk, where it becomes a ticket. [D] The note."""
    if thread.inbox_id == inbox.id:
        return
    threads.note(world, thread, "THREAD_INBOX_CHANGE", by="S-hubspot", fromInboxId=thread.inbox_id, toInboxId=inbox.id)
    thread.inbox_id = inbox.id
    if inbox.type == threads.HELP_DESK and thread.ticket_id is None:
        thread.ticket_id = world.ids.number()
    threads.changed(world, thread)


def delete(world: World, thread: Thread) -> None:
    """Throw a thread away; [D] it can be restored for thirty days."""
    thread.archived = True
    threads.changed(world, thread)
    subscriptions.fire(world, thread, "conversation.deletion")
