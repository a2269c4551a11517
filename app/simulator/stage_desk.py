"""The part of /_sim in which people sort their threads and accounts: assign, move, delete, allow imports."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from app.simulator import seed
from app.simulator.hubspot import agent, desk
from app.simulator.hubspot.errors import not_found
from app.simulator.hubspot.state import Account, Inbox, Thread
from app.simulator.hubspot.views import account_view
from app.simulator.stage_given import AssignmentGiven, ImportsGiven, InboxChosen, arguments, locked
from app.simulator.stage_views import thread_card
from app.simulator.world import World


def add_routes(controls: Blueprint, world: World) -> None:
    """Add the controls; each runs under the world's lock."""
    for method, path, handler in (
        ("POST", "/threads/<thread_id>/assign", assign),
        ("POST", "/threads/<thread_id>/move", move_thread),
        ("POST", "/threads/<thread_id>/delete", delete),
        ("POST", "/channel-accounts/<account_id>/move", move_account),
        ("PUT", "/imports", allow_imports),
    ):
        controls.add_url_rule(path, endpoint=f"{method} {path}", view_func=locked(world, handler), methods=[method])


def assign(world: World, thread_id: str) -> dict[str, Any]:
    """Give a thread to an agent and a team: {owner, team}; what is left out stays, null takes away."""
    given = AssignmentGiven.model_validate(arguments())
    thread = find_thread(world, thread_id)
    if "team" in given.model_fields_set:
        desk.give_to_team(world, thread, given.team or None)
    if given.model_fields_set & {"owner", "agent"}:
        desk.assign(world, thread, given.owner or given.agent or None, by=seed.AGENT_ID)
    return thread_card(world, thread)


def move_thread(world: World, thread_id: str) -> dict[str, Any]:
    """Move a thread to another inbox or the help desk: {inbox}."""
    thread = find_thread(world, thread_id)
    desk.move(world, thread, _inbox(world, thread.portal_id))
    return thread_card(world, thread)


def delete(world: World, thread_id: str) -> dict[str, Any]:
    """Throw a thread away."""
    thread = find_thread(world, thread_id)
    desk.delete(world, thread)
    return {"id": thread.id}


def move_account(world: World, account_id: str) -> dict[str, Any]:
    """Move a channel account to another inbox or the help desk: {inbox}. Answers the account that is there then."""
    account = world.hubspot.accounts.get(account_id)
    if account is None or account.archived_at is not None:
        raise not_found("The channel account does not exist.")
    return account_view(moved(world, account), world.clock)


def moved(world: World, account: Account) -> Account:
    """Move an account to the inbox of the request."""
    return agent.move(world, account, _inbox(world, account.portal_id))


def allow_imports(world: World) -> dict[str, Any]:
    """From where files may be imported: {hosts}, each `name:port`."""
    hosts = ImportsGiven.model_validate(arguments()).hosts
    world.hubspot.importable_hosts = set(hosts)
    return {"hosts": hosts}


def find_thread(world: World, thread_id: str) -> Thread:
    """The thread.

    Raises:
        ApiError: 404.
    """
    thread = world.hubspot.threads.get(thread_id)
    if thread is None:
        raise not_found("The thread does not exist.")
    return thread


def _inbox(world: World, portal_id: str) -> Inbox:
    inbox = world.hubspot.portals[portal_id].inboxes.get(InboxChosen.model_validate(arguments()).inbox)
    if inbox is None:
        raise not_found("The inbox does not exist.")
    return inbox
