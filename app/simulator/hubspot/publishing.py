"""What publishing a message does to the world: account checks, contacts, threads, the stored message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from app.simulator.hubspot import subscriptions, threads, webhooks
from app.simulator.hubspot.capabilities import THREAD_BY_IDENTIFIER
from app.simulator.hubspot.errors import ApiError
from app.simulator.hubspot.identifiers import require_listed
from app.simulator.hubspot.routing import Call
from app.simulator.hubspot.state import (
    Account,
    Channel,
    Direction,
    HubSpotState,
    Identifier,
    Message,
    Participant,
    StatusType,
    Thread,
)
from app.simulator.world import World

#: Tags that the composer has no button for.
_OTHER_TAGS = re.compile(r"</?(?!(?:p|br|strong|em|u|a|ul|ol|li|blockquote)\b)[a-z][^>]*>")


@dataclass(frozen=True)
class Named:
    """A participant as the integration gave it."""

    identifier: Identifier
    name: str | None
    actor_id: str | None


@dataclass(frozen=True)
class Content:
    """A checked message."""

    direction: Direction
    text: str
    rich_text: str | None
    senders: list[Named]
    recipients: list[Named]
    attachments: list[dict[str, Any]]
    created_at: float
    integration_thread_id: str | None
    idempotency_id: str | None
    in_reply_to: str | None
    contact_id: str | None

    @property
    def customer(self) -> Named | None:
        """Who is not us: the sender of an incoming message, the recipient of an outgoing one."""
        side = self.senders if self.direction is Direction.INCOMING else self.recipients
        return side[0] if side else None


def find_account(call: Call, channel: Channel, account_id: str) -> Account:
    """The account to publish on.

    Raises:
        ApiError: 404 when it is not one of this channel and portal; [U] for an inactive or unauthorised one.
    """
    account = call.state.accounts.get(account_id)
    if account is None or account.channel_id != channel.id or account.portal_id != call.portal_id:
        raise _account_missing(account_id)
    if account.archived_at is not None:
        raise _account_missing(account_id)
    usable = account.active and account.authorized
    answer = call.world.switches.inactive_account_answer
    if usable or answer == "accept":
        return account
    if answer == "404":
        raise _account_missing(account_id)
    raise ApiError(400, f"Channel account {account_id} is not active or not authorized")


def published_before(state: HubSpotState, account: Account, idempotency_id: str | None) -> Message | None:
    """The account's message with this idempotency id."""
    if idempotency_id is None:
        return None
    message_id = state.idempotency.get((account.id, idempotency_id))
    return state.messages.get(message_id) if message_id else None


def store(call: Call, channel: Channel, account: Account, *, content: Content) -> Message:
    """Put the message into its thread and tell the world.

    Raises:
        ApiError: for an identifier, contact or agent that the switches refuse.
    """
    world = call.world
    if world.switches.identifier_type_strict:
        for named in [*content.senders, *content.recipients]:
            require_listed(named.identifier, channel.capabilities["deliveryIdentifierTypes"])
    _check_actors(call, content)
    _check_thread_id(call, channel, account, content=content)
    customer = content.customer
    contact_id = _known_contact(call, content)
    if contact_id and customer and world.switches.contact_link == "identifier":
        call.portal.links[customer.identifier] = contact_id
    thread = threads.resolve(
        world,
        threads.Address(
            channel=channel,
            account=account,
            customer=customer.identifier if customer else None,
            customer_name=(customer.name or "") if customer else "",
            integration_id=content.integration_thread_id,
            direction=content.direction,
        ),
    )
    if contact_id:
        thread.linked_contact = contact_id
    _refresh_customer(world, thread, customer)
    message = _message(world, call.app_id, thread, content=content)
    add(world, thread, message)
    if content.idempotency_id is not None:
        call.state.idempotency[account.id, content.idempotency_id] = message.id
    # [U] whether a message that we reported ourselves comes back
    if content.direction is Direction.OUTGOING and world.switches.echo_outgoing:
        webhooks.fire_message(world, thread, message)
    return message


def add(world: World, thread: Thread, message: Message) -> None:
    """Append a message to its thread and publish that."""
    thread.messages.append(message)
    world.hubspot.messages[message.id] = message
    world.events.publish(
        "message_created",
        {
            "thread": thread.id,
            "message": message.id,
            "account": thread.account_id,
            "direction": message.direction.value,
            "type": message.type,
        },
    )
    threads.changed(world, thread)
    subscriptions.fire(world, thread, "conversation.newMessage", messageId=message.id, messageType=message.type)


def forget(world: World, message: Message) -> None:
    """Lose a message that was answered as stored, with its idempotency id; its thread stays."""
    state = world.hubspot
    thread = state.threads[message.thread_id]
    thread.messages.remove(message)
    del state.messages[message.id]
    state.idempotency = {key: held for key, held in state.idempotency.items() if held != message.id}
    threads.changed(world, thread)


def _kept(world: World, rich_text: str | None) -> str | None:
    """Return the part of some HTML that HubSpot keeps, if it strips any: [U]."""
    strips = rich_text and world.switches.rich_text_tags == "strip"
    return _OTHER_TAGS.sub("", rich_text or "") if strips else rich_text


def _message(world: World, app_id: str, thread: Thread, *, content: Content) -> Message:
    incoming = content.direction is Direction.INCOMING

    def seen(named: Named, *, is_customer: bool) -> Participant:
        return Participant(named.identifier, named.name, thread.visitor_id if is_customer else named.actor_id)

    return Message(
        id=world.ids.hex(),
        thread_id=thread.id,
        account_id=thread.account_id,
        channel_id=thread.channel_id,
        direction=content.direction,
        text=content.text,
        rich_text=_kept(world, content.rich_text),
        created_at=content.created_at,
        created_by=thread.visitor_id if incoming else (content.senders[0].actor_id or f"I-{app_id}"),
        received_at=world.clock.now(),
        senders=[seen(named, is_customer=incoming) for named in content.senders],
        recipients=[seen(named, is_customer=not incoming) for named in content.recipients],
        attachments=content.attachments,
        status=StatusType.RECEIVED if incoming else StatusType.SENT,
        in_reply_to=content.in_reply_to,
        idempotency_id=content.idempotency_id,
        integration_app_id=app_id,
    )


def _check_actors(call: Call, content: Content) -> None:
    for named in content.senders:
        known = named.actor_id is None or named.actor_id in call.portal.actors
        if not known and call.world.switches.unknown_actor_answer == "400":
            raise ApiError(
                400,
                "The sender actor is not an agent of this account",
                sub_category="ConversationsApiError.SENDER_AGENT_NOT_FOUND",
                context={"actorId": [str(named.actor_id)]},
            )


def _check_thread_id(call: Call, channel: Channel, account: Account, *, content: Content) -> None:
    given = content.integration_thread_id
    if not given or channel.capabilities["threadingModel"] != THREAD_BY_IDENTIFIER:
        return
    made_here = any(given in thread.integration_ids for thread in call.state.threads.values())
    if not made_here and call.world.switches.foreign_thread_id == "400":
        raise ApiError(400, f"Thread {given} of channel account {account.id} was not made by HubSpot")


def _known_contact(call: Call, content: Content) -> str | None:
    """The contact to link; [U] the answer for one that does not exist."""
    if content.contact_id is None or content.contact_id in call.portal.contacts:
        return content.contact_id
    answer = call.world.switches.unknown_contact_answer
    if answer != "ignore":
        raise ApiError(int(answer), f"Contact {content.contact_id} not found")
    return None


def _refresh_customer(world: World, thread: Thread, customer: Named | None) -> None:
    if customer is None:
        return
    portal = world.hubspot.portals[thread.portal_id]
    thread.customer = customer.identifier
    thread.customer_name = customer.name or thread.customer_name
    thread.visitor_id, thread.contact_id = threads.visitor(world, portal, customer.identifier, thread.customer_name)
    if thread.contact_id is None and thread.linked_contact in portal.contacts:
        thread.visitor_id, thread.contact_id = f"V-{thread.linked_contact}", thread.linked_contact


def _account_missing(account_id: str) -> ApiError:
    return ApiError(
        404,
        f"Channel account {account_id} not found",
        category="OBJECT_NOT_FOUND",
        sub_category="ChannelIntegrationMessagePublishError.CHANNEL_ACCOUNT_DOES_NOT_EXIST",
        context={"channelAccountId": [account_id]},
    )
