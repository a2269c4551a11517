"""Which thread a published message belongs to, and which person it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.simulator.hubspot import subscriptions
from app.simulator.hubspot.capabilities import THREAD_BY_IDENTIFIER
from app.simulator.hubspot.identifiers import IdentifierType
from app.simulator.hubspot.state import (
    Account,
    Actor,
    Channel,
    Direction,
    Identifier,
    Message,
    Portal,
    Thread,
    ThreadStatus,
)
from app.simulator.world import World

HELP_DESK = "HELP_DESK"


@dataclass(frozen=True)
class Address:
    """What a message says about its thread: the channel account, the customer, and our own id, if any."""

    channel: Channel
    account: Account
    customer: Identifier | None
    customer_name: str
    integration_id: str | None
    direction: Direction


def resolve(world: World, address: Address) -> Thread:
    """The thread of a message, opened where there is none; call with the lock held.

    [D] Both threading models. [U] what an incoming message does to a closed thread: a switch.
    """
    thread = _known(world, address)
    if thread is None:
        return _open(world, address)
    if thread.status is ThreadStatus.CLOSED and address.direction is Direction.INCOMING:
        if world.switches.closed_thread_policy == "new_thread":
            return _open(world, address)
        reopen(world, thread)
    return thread


def current(world: World, thread: Thread) -> Thread:
    """The thread, or the one that it was merged into."""
    while thread.merged_into is not None:
        thread = world.hubspot.threads[thread.merged_into]
    return thread


def close(world: World, thread: Thread) -> None:
    """An agent closes the thread."""
    thread.status = ThreadStatus.CLOSED
    thread.closed_at = world.clock.now()
    _announce_status(world, thread)


def reopen(world: World, thread: Thread) -> None:
    """The thread is open again."""
    thread.status = ThreadStatus.OPEN
    thread.closed_at = None
    _announce_status(world, thread)


def merge(world: World, thread: Thread, into: Thread) -> None:
    """Move a thread's messages and integration ids into another one."""
    into.messages.extend(thread.messages)
    for message in thread.messages:
        message.thread_id = into.id
    into.integration_ids.extend(thread.integration_ids)
    thread.messages = []
    thread.merged_into = into.id
    thread.archived = True
    changed(world, into)
    changed(world, thread)


def changed(world: World, thread: Thread) -> None:
    """Publish that the thread looks different now."""
    world.events.publish(
        "thread_changed", {"thread": thread.id, "account": thread.account_id, "status": thread.status.value}
    )


def note(world: World, thread: Thread, kind: str, *, by: str, **extra: Any) -> None:
    """Write down in a thread that something happened to it."""
    now = world.clock.now()
    thread.messages.append(
        Message(
            id=world.ids.hex(),
            thread_id=thread.id,
            account_id=thread.account_id,
            channel_id=thread.channel_id,
            direction=Direction.OUTGOING,
            text="",
            created_at=now,
            created_by=by,
            received_at=now,
            type=kind,
            extra={name: value for name, value in extra.items() if value is not None},
        )
    )


def visitor(world: World, portal: Portal, customer: Identifier | None, name: str) -> tuple[str, str | None]:
    """The customer's actor id and contact id.

    [D] E-mail and phone find contacts; an opaque id finds what was linked to it before, else it is an unknown
    visitor. The actor keeps the first name it came with.
    """
    contact_id = _contact(portal, customer)
    if contact_id is not None:
        actor_id = f"V-{contact_id}"
    elif customer is None:
        actor_id = f"V-{world.ids.number()}"
    else:
        actor_id = portal.visitors.setdefault(customer, f"V-{world.ids.number()}")
    portal.actors.setdefault(actor_id, Actor(actor_id, "VISITOR", name))
    return actor_id, contact_id


def _known(world: World, address: Address) -> Thread | None:
    state = world.hubspot
    thread_id: str | None = None
    if address.channel.capabilities["threadingModel"] == THREAD_BY_IDENTIFIER:
        if address.customer is not None:
            thread_id = state.identifier_threads.get((address.account.id, address.customer))
    elif address.integration_id and not _split(world, address.integration_id):
        thread_id = state.integration_threads.get((_scope(world, address), address.integration_id))
    if thread_id is None or thread_id not in state.threads:
        return None
    thread = current(world, state.threads[thread_id])
    return None if thread.archived else thread


def _open(world: World, address: Address) -> Thread:
    state = world.hubspot
    portal = state.portals[address.account.portal_id]
    actor_id, contact_id = visitor(world, portal, address.customer, address.customer_name)
    by_identifier = address.channel.capabilities["threadingModel"] == THREAD_BY_IDENTIFIER
    # [D] With identifiers HubSpot makes up the integration's thread id.
    integration_id = world.ids.uuid() if by_identifier else address.integration_id
    inbox = portal.inboxes[address.account.inbox_id]
    thread = Thread(
        id=world.ids.number(),
        portal_id=portal.id,
        inbox_id=inbox.id,
        account_id=address.account.id,
        channel_id=address.channel.id,
        created_at=world.clock.now(),
        customer=address.customer,
        customer_name=address.customer_name,
        visitor_id=actor_id,
        contact_id=contact_id,
        integration_ids=[integration_id] if integration_id else [],
        # [D] In a help desk every conversation is a ticket too.
        ticket_id=world.ids.number() if inbox.type == HELP_DESK else None,
    )
    state.threads[thread.id] = thread
    if integration_id:
        state.integration_threads[_scope(world, address), integration_id] = thread.id
    if by_identifier and address.customer is not None:
        state.identifier_threads[address.account.id, address.customer] = thread.id
    subscriptions.fire(world, thread, "conversation.creation")
    return thread


def _contact(portal: Portal, customer: Identifier | None) -> str | None:
    if customer is None:
        return None
    if customer in portal.links:
        return portal.links[customer]
    for contact in portal.contacts.values():
        known = {IdentifierType.EMAIL: contact.email, IdentifierType.PHONE: contact.phone}
        if known.get(IdentifierType(customer.type)) == customer.value:
            return contact.id
    return None


def _scope(world: World, address: Address) -> str:
    # [U] whether the integration's thread id belongs to the account or to the channel
    return address.account.id if world.switches.integration_thread_scope == "account" else address.channel.id


def _split(world: World, integration_id: str) -> bool:
    return world.switches.short_thread_ids_split and integration_id.lstrip("-").isdecimal()


def _announce_status(world: World, thread: Thread) -> None:
    note(world, thread, "THREAD_STATUS_CHANGE", by="S-hubspot", newStatus=thread.status.value)
    changed(world, thread)
    subscriptions.fire(
        world, thread, "conversation.propertyChange", propertyName="status", propertyValue=thread.status.value
    )
